"""The versions of one secret in Secrets Manager, by id and by staging label."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Generic

from wickie.errors import ConfigError, NotFoundError, RotationError
from wickie.model import Stage
from wickie.providers import C

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_secretsmanager.type_defs import (
        DescribeSecretResponseTypeDef,
        GetSecretValueResponseTypeDef,
    )

    from wickie.credentials import Sensitive

PERMISSIONS: Final = (
    "secretsmanager:DescribeSecret",
    "secretsmanager:GetSecretValue",
    "secretsmanager:ListSecretVersionIds",
    "secretsmanager:PutSecretValue",
    "secretsmanager:UpdateSecretVersionStage",
)
"""What this module may ask about a secret that is rotated."""

_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
_READ_PAUSES: Final = (0.1, 0.3, 0.9)


@dataclass(frozen=True)
class Versions:
    """Which version carried which labels when Secrets Manager was asked, and the secret's tags."""

    arn: str
    labels: Mapping[str, list[str]]
    tags: Mapping[str, str] = field(default_factory=dict)
    rotated: datetime | None = None
    """When Secrets Manager last ended a rotation."""
    changed: datetime | None = None
    """When anything about the secret was last changed."""

    def holder(self, stage: Stage) -> str | None:
        """The version that carries a stage's label."""
        return next((v for v, labels in self.labels.items() if stage.label in labels), None)

    def current(self) -> str:
        """The version that carries AWSCURRENT. Raises `RotationError` where none does."""
        version = self.holder(Stage.CURRENT)
        if version is None:
            raise RotationError(
                f"{self.arn} has no AWSCURRENT version; store the credential in it first"
            )
        return version

    def stages(self) -> dict[str, Stage]:
        """The stage of every version that has one."""
        return {v: Stage.of(labels) for v, labels in self.labels.items() if labels}


def require_primary(described: DescribeSecretResponseTypeDef) -> None:
    """Raise `ConfigError` for a replica: its value and its labels are the primary's to change."""
    region, primary = described["ARN"].split(":")[3], described.get("PrimaryRegion")
    if primary not in (None, region):
        raise ConfigError(
            f"{described['ARN']} is a replica of a secret in {primary}; rotate it there, and its "
            f"replicas follow"
        )


@dataclass(frozen=True)
class Secret(Generic[C]):
    """One secret of Secrets Manager."""

    client: SecretsManagerClient
    id: str
    parse: Callable[[str, str], C] = field(repr=False)
    """Reads a value, given the secret's name for what it has to say about it."""
    _read: dict[str, C] = field(default_factory=dict, init=False, repr=False, compare=False)
    """Values by version, for the time of one invocation: a version's value never changes."""

    def versions(self) -> Versions:
        """Ask which versions there are. Raises `NotFoundError`, or `ConfigError` for a replica."""
        try:
            reply = self.client.describe_secret(SecretId=self.id)
        except self.client.exceptions.ResourceNotFoundException:
            raise NotFoundError(
                f"no secret {self.id} here; check its name, the account and the region"
            ) from None
        require_primary(reply)
        return Versions(
            reply["ARN"],
            reply.get("VersionIdsToStages", {}),
            {tag.get("Key", ""): tag.get("Value", "") for tag in reply.get("Tags", [])},
            reply.get("LastRotatedDate"),
            reply.get("LastChangedDate"),
        )

    def made(self, versions: Versions) -> dict[str, datetime]:
        """When each version got its value; one that has none was staged by then at the latest."""
        reply = self.client.list_secret_version_ids(SecretId=self.id)
        staged = dict.fromkeys(versions.labels, versions.changed or _LONG_AGO)
        return staged | {v["VersionId"]: v["CreatedDate"] for v in reply["Versions"]}

    def find(self, version_id: str) -> C | None:
        """Read a version; None where it has no value (yet). By id: a label may lag behind."""
        if version_id in self._read:
            return self._read[version_id]
        try:
            reply = self.client.get_secret_value(SecretId=self.id, VersionId=version_id)
        except self.client.exceptions.ResourceNotFoundException:
            return None
        return self._read.setdefault(version_id, self._parsed(reply))

    def read_current(self) -> C:
        """Read a secret that is none of ours to rotate, and so to describe."""
        try:
            reply = self.client.get_secret_value(SecretId=self.id, VersionStage=Stage.CURRENT.label)
        except self.client.exceptions.ResourceNotFoundException:
            raise NotFoundError(
                f"no secret {self.id} with a value here; check its name, account and region"
            ) from None
        return self._parsed(reply)

    def _parsed(self, reply: GetSecretValueResponseTypeDef) -> C:
        if "SecretString" not in reply:
            raise ConfigError(f"secret {self.id} holds binary data; store a JSON object in it")
        return self.parse(reply["SecretString"], self.id)

    def read(self, version_id: str) -> C:
        """
        Read a version that must have a value. Raises `RotationError` where it has none.

        Asks again for a moment: what one step stored, the next may not see at once.
        """
        for pause in (*_READ_PAUSES, None):
            credential = self.find(version_id)
            if credential is not None:
                return credential
            if pause:
                time.sleep(pause)
        raise RotationError(
            f"version {version_id} of {self.id} has no value; createSecret must store one first"
        )

    def store_pending(
        self, version_id: str, credential: C, rotation_token: Sensitive | None
    ) -> bool:
        """Give the version its value; False where it has another one already, which it keeps."""
        token = {"RotationToken": rotation_token.reveal()} if rotation_token else {}
        try:
            self.client.put_secret_value(
                SecretId=self.id,
                ClientRequestToken=version_id,
                SecretString=credential.to_secret_string(),
                VersionStages=[Stage.PENDING.label],
                **token,
            )
        except self.client.exceptions.ResourceExistsException:
            return False  # an earlier attempt's value, not yet visible when we looked
        return True

    def move(self, stage: Stage, source: str | None, target: str | None = None) -> None:
        """
        Move a label off `source`, to `target` if given, provided that `source` still has it.

        None for a label that no version carries.

        Secrets Manager compares and swaps: whoever comes second gets a `RotationError`.
        """
        ends: dict[str, Any] = {"RemoveFromVersionId": source, "MoveToVersionId": target}
        try:
            self.client.update_secret_version_stage(
                SecretId=self.id,
                VersionStage=stage.label,
                **{end: version for end, version in ends.items() if version},
            )
        except (
            self.client.exceptions.InvalidParameterException,
            self.client.exceptions.InvalidRequestException,
        ):
            raise RotationError(
                f"{stage.label} of {self.id} was no longer on version {source}; "
                f"someone else moved it, start again"
            ) from None
