"""How a managed secret stands, by DescribeSecret alone: no value is read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from wickie.errors import NotFoundError
from wickie.model import Stage

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_secretsmanager.type_defs import DescribeSecretResponseTypeDef

PERMISSIONS: Final = ("secretsmanager:DescribeSecret",)


@dataclass(frozen=True)
class SecretStatus:
    """One secret's rotation, as Secrets Manager tells it."""

    name: str
    strategy: str
    changed: datetime
    """When the value in use was stored: by the last rotation, or by whoever created it."""
    last_rotation: datetime | None
    next_rotation: datetime | None
    result: str
    versions: Mapping[str, Stage]


def describe(secrets_manager: SecretsManagerClient, name: str, strategy: str) -> SecretStatus:
    """Ask about one secret. Raises `NotFoundError` where it does not exist."""
    try:
        reply = secrets_manager.describe_secret(SecretId=name)
    except secrets_manager.exceptions.ResourceNotFoundException:
        raise NotFoundError(
            f"secret {name} does not exist here; check its name, account and region"
        ) from None
    labels = reply.get("VersionIdsToStages", {})
    versions = {version: Stage.of(labels[version]) for version in labels}
    return SecretStatus(
        name=reply["Name"],
        strategy=strategy,
        changed=reply.get("LastRotatedDate") or reply["CreatedDate"],
        last_rotation=reply.get("LastRotatedDate"),
        next_rotation=reply.get("NextRotationDate"),
        result=_result(reply, set(versions.values())),
        versions=versions,
    )


def _result(reply: DescribeSecretResponseTypeDef, stages: Collection[Stage]) -> str:
    """How the last rotation ended, as far as Secrets Manager lets it be seen."""
    if reply.get("DeletedDate"):
        return "to be deleted"
    if not reply.get("RotationEnabled"):
        return "not under rotation"
    if Stage.PENDING in stages:
        return "pending"
    upcoming = reply.get("NextRotationDate")
    if upcoming and upcoming < datetime.now(UTC):
        return "overdue"
    return "rotated" if reply.get("LastRotatedDate") else "never rotated"
