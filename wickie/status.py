"""How a managed secret stands, by its description and its versions' dates: no value is read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from wickie.errors import NotFoundError
from wickie.model import Stage

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_secretsmanager.type_defs import DescribeSecretResponseTypeDef

PERMISSIONS: Final = ("secretsmanager:DescribeSecret", "secretsmanager:ListSecretVersionIds")

_STUCK_AFTER: Final = timedelta(minutes=15)
"""By then a rotation has ended, or needs `wickie repair`."""


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
    since: datetime | None = None
    """Since when it is `pending`, `stuck` or `overdue`."""


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
    result, since = _result(secrets_manager, reply, set(versions.values()))
    return SecretStatus(
        name=reply["Name"],
        strategy=strategy,
        changed=reply.get("LastRotatedDate") or reply["CreatedDate"],
        last_rotation=reply.get("LastRotatedDate"),
        next_rotation=reply.get("NextRotationDate"),
        result=result,
        versions=versions,
        since=since,
    )


def _result(
    secrets_manager: SecretsManagerClient,
    reply: DescribeSecretResponseTypeDef,
    stages: Collection[Stage],
) -> tuple[str, datetime | None]:
    """How the last rotation ended, as far as Secrets Manager lets it be seen, and since when."""
    now = datetime.now(UTC)
    if reply.get("DeletedDate"):
        return "to be deleted", None
    if Stage.PENDING in stages:
        since = _pending_since(secrets_manager, reply)
        return ("stuck" if now - since > _STUCK_AFTER else "pending"), since
    if not reply.get("RotationEnabled"):
        return "not under rotation", None
    upcoming = reply.get("NextRotationDate")
    if upcoming and upcoming < now:
        return "overdue", upcoming
    return ("rotated" if reply.get("LastRotatedDate") else "never rotated"), None


def _pending_since(
    secrets_manager: SecretsManagerClient, reply: DescribeSecretResponseTypeDef
) -> datetime:
    """When the pending version got its value; without one, when it was staged at the latest."""
    listed = secrets_manager.list_secret_version_ids(SecretId=reply["ARN"])
    made = [
        version["CreatedDate"]
        for version in listed["Versions"]
        if Stage.of(version.get("VersionStages", [])) is Stage.PENDING
    ]
    return made[0] if made else reply.get("LastChangedDate", reply["CreatedDate"])
