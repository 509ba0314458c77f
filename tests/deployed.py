"""What a deployed stage holds, made without deploying one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

from wickie.deployment import Deployment, parameter_name


def stage(client: Callable[[str], Any], name: str, **values: str) -> None:
    """What holds its data, and the parameters that say so; whatever else is named as its field."""
    values = hold_data(client) | values
    for field in fields(Deployment):
        place, value = parameter_name(name, field.name), values.get(field.name, field.name)
        client("ssm").put_parameter(Name=place, Value=value, Type="String")


def hold_data(client: Callable[[str], Any]) -> dict[str, str]:
    """Its bucket `results`, tables named as their fields, and its key; what each is called."""
    client("s3").create_bucket(Bucket="results")
    create_table(client("dynamodb"), "findings_table", "id")
    create_prints(client("dynamodb"), "fingerprint_table")
    tables = {name: name for name in ("findings_table", "fingerprint_table")}
    key = create_key(client("kms"))
    return {"results_bucket": "results", "fingerprint_key": key, **tables}


def create_prints(dynamodb: Any, name: str = "prints") -> None:
    """The table of fingerprints."""
    create_table(dynamodb, name, "secret", "version")


def create_table(dynamodb: Any, name: str, *keys: str) -> None:
    """A table whose partition key, and sort key if there are two, are `keys`."""
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[
            {"AttributeName": key, "KeyType": kind}
            for key, kind in zip(keys, ("HASH", "RANGE"), strict=False)
        ],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
    )


def create_key(kms: Any) -> str:
    """The id of a key for fingerprints."""
    made = kms.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")
    return str(made["KeyMetadata"]["KeyId"])
