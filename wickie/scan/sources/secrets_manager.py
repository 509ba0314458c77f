"""What Secrets Manager tells about secrets to those who may not read them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from wickie.scan.sources.reading import artifact_of
from wickie.scan.sources.texts import leaves

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_secretsmanager.type_defs import SecretListEntryTypeDef

    from wickie.scan.chunk import Artifact

KIND: Final = "secretsmanager-metadata"
PERMISSIONS: Final = ("secretsmanager:ListSecrets", "secretsmanager:GetResourcePolicy")


def secrets(client: SecretsManagerClient, prefix: str) -> Iterator[Artifact]:
    """List secrets, and read no value of any."""
    for page in client.get_paginator("list_secrets").paginate():
        for secret in page["SecretList"]:
            if secret["Name"].startswith(prefix):
                yield artifact_of(partial(_texts, client, secret), secret["ARN"], KIND)


def _texts(
    client: SecretsManagerClient, secret: SecretListEntryTypeDef
) -> Iterator[tuple[str, str]]:
    yield "description", secret.get("Description", "")
    yield from leaves("tags", secret.get("Tags"))
    policy = client.get_resource_policy(SecretId=secret["ARN"])
    yield "resourcePolicy", policy.get("ResourcePolicy", "")
