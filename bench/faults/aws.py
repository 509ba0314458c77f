"""The AWS around a rotation: Secrets Manager as documented, a fingerprint table and its key."""

from __future__ import annotations

import logging
import tempfile
import threading
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from unittest.mock import patch

import boto3
from botocore.client import BaseClient
from moto import mock_aws
from moto.secretsmanager.models import secretsmanager_backends
from moto.server import ThreadedMotoServer

from local import secretsmanager
from local.secret_versions import detach, stage_pending, version_with
from local.world import ACCOUNT, REGION, World, environment
from wickie.aws import Clients, FunctionClients
from wickie.awsjson import JsonClient

if TYPE_CHECKING:
    from collections.abc import Iterator

TABLE: Final = "fingerprints"


@dataclass(frozen=True)
class Aws:
    """One AWS in this process, emptied when it is opened."""

    clients: Clients = field(repr=False)
    fingerprint_key: str

    def store(self, value: str) -> str:
        """Make a secret and return its ARN."""
        made = self.clients.secrets_manager.create_secret(
            Name=f"s-{uuid.uuid4()}", SecretString=value
        )
        return made["ARN"]

    def put(self, arn: str, value: str) -> None:
        """Give a secret another value, as a person does."""
        self.clients.secrets_manager.put_secret_value(SecretId=arn, SecretString=value)

    def begin(self, arn: str) -> str:
        """Stage an empty version as AWSPENDING, as RotateSecret does first. Returns its id."""
        secret = self._secret(arn)
        secret.rotation_enabled, secret.rotation_rules = True, {"AutomaticallyAfterDays": 30}
        return stage_pending(secret, str(uuid.uuid4()))

    def tidy(self, arn: str) -> None:
        """Take AWSPENDING off what is current, as Secrets Manager does after a success."""
        secret = self._secret(arn)
        if version_with(secret, "AWSPENDING") == version_with(secret, "AWSCURRENT"):
            detach(secret, "AWSPENDING")

    def detach(self, arn: str, label: str) -> None:
        """Take a label off whichever version has it."""
        detach(self._secret(arn), label)

    def labels(self, arn: str) -> dict[str, list[str]]:
        """Which version carries which labels, seen from the inside: no call is made."""
        versions = self._secret(arn).versions.items()
        return {name: list(version["version_stages"]) for name, version in versions}

    def version(self, arn: str, label: str) -> str | None:
        """Id of the version that carries a label."""
        return version_with(self._secret(arn), label)

    def value(self, arn: str, label: str) -> str | None:
        """The value of the version that carries a label."""
        version = self.version(arn, label)
        return self.values(arn).get(version) if version else None

    def values(self, arn: str) -> dict[str, str]:
        """Every version's value, where it has one."""
        versions = self._secret(arn).versions.items()
        return {name: v["secret_string"] for name, v in versions if "secret_string" in v}

    def stages(self, arn: str) -> dict[str, str]:
        """What the fingerprint table holds of a secret: version to stage."""
        reply = self.clients.dynamodb.query(
            TableName=TABLE,
            KeyConditionExpression="#s = :s",
            ExpressionAttributeNames={"#s": "secret"},
            ExpressionAttributeValues={":s": {"S": arn}},
        )
        return {item["version"]["S"]: item["stage"]["S"] for item in reply["Items"]}

    def _secret(self, arn: str) -> Any:
        return secretsmanager_backends[ACCOUNT][REGION].secrets[arn]


def new_clients() -> Clients:
    """Clients of it, for whatever is not the function under test."""
    return Clients(boto3.Session("testing", "testing", region_name=REGION))


@contextmanager
def open_aws() -> Iterator[Aws]:
    """
    Start one. Only one may run in a process, since moto's state is global.

    What was stored it shows at once, so nobody waits to read it.
    A function's own clients are not botocore's, where moto stands in: for them it also listens.
    """
    with (
        tempfile.TemporaryDirectory() as scratch,
        mock_aws(),
        _one_call_at_a_time(),
        patch("wickie.rotation.versions._READ_PAUSES", ()),
        World("http://localhost", Path(scratch)) as world,
        _listening() as endpoint,
    ):
        secretsmanager.complete(world)
        session = boto3.Session("testing", "testing", region_name=REGION)
        clients = FunctionClients(environment(endpoint), session)
        yield Aws(clients, make_fingerprint_store(clients.dynamodb, clients.kms))


@contextmanager
def _listening() -> Iterator[str]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@contextmanager
def _one_call_at_a_time() -> Iterator[None]:
    """Moto's DynamoDB copies its table unlocked, which another thread's write breaks in upon."""
    lock = threading.RLock()

    def alone(call: Any) -> Any:
        def locked(client: Any, operation: str, parameters: Any) -> Any:
            with lock:
                return call(client, operation, parameters)

        return locked

    botocores: Any = BaseClient
    with (
        patch.object(BaseClient, "_make_api_call", alone(botocores._make_api_call)),  # noqa: SLF001
        patch.object(JsonClient, "call", alone(JsonClient.call)),
    ):
        yield


def make_fingerprint_store(dynamodb: Any, kms: Any) -> str:
    """Make the table as the stacks do, and return the id of the key that they make."""
    dynamodb.create_table(
        TableName=TABLE,
        KeySchema=[
            {"AttributeName": "secret", "KeyType": "HASH"},
            {"AttributeName": "version", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "secret", "AttributeType": "S"},
            {"AttributeName": "version", "AttributeType": "S"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    key = kms.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")
    key_id: str = key["KeyMetadata"]["KeyId"]
    return key_id
