"""
Honeytokens: secrets that nobody may use, recognised wherever somebody has copied them to.

They stand in Secrets Manager and have prints, as managed secrets have, but no rotation and no
rights. Whoever makes one has its value in memory for a moment: it is to be planted by hand anyway.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from wickie.errors import ConfigError
from wickie.fingerprints import FingerprintTable, publishable, working_key
from wickie.naming import same_secret

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_iam import IAMClient

    from wickie.aws import Clients
    from wickie.deployment import Deployment

_USUAL_KEYS: Final = ("AccessKeyId", "SecretAccessKey", "password", "token", "api_key")
_KEY_ID: Final = "AccessKeyId"
_BYTES: Final = 30
"""Drawn for one that is no access key: 40 characters."""


class Declared(Protocol):
    """A honeytoken as wickie.yaml describes it."""

    @property
    def name(self) -> str:
        """Of the secret."""

    @property
    def user(self) -> str | None:
        """The IAM user whose access key it is."""

    @property
    def keys(self) -> Sequence[str]:
        """Of its JSON, those that it is recognised by."""


@dataclass(frozen=True)
class Made:
    """A honeytoken whose prints are published."""

    name: str
    arn: str
    is_new: bool
    """Whether the secret was made; else it existed before, and was read."""


@dataclass(frozen=True)
class Honeytokens:
    """Makes those of one stage, as often as one likes."""

    clients: Clients = field(repr=False)
    table: FingerprintTable
    key: bytes = field(repr=False)

    @classmethod
    def of(cls, clients: Clients, deployed: Deployment) -> Honeytokens:
        """Those of a stage that is deployed."""
        table = FingerprintTable(clients.dynamodb, deployed.fingerprint_table)
        return cls(clients, table, working_key(clients.kms, deployed.fingerprint_key))

    def create(self, declared: Declared) -> Made:
        """
        Make the secret unless it exists, and publish the prints of its value.

        Raises:
            ConfigError: it would be of use to whoever finds it, or could not be recognised.
        """
        if declared.user:
            _require_powerless(self.clients.iam, declared.user)
        found = self._value(declared.name)
        value = found or self._new(declared)
        texts = _recognised(value["SecretString"], declared)
        self.table.plant(value["ARN"], value["VersionId"], texts, self.key)
        return Made(declared.name, value["ARN"], is_new=found is None)

    def forget(self, name: str) -> int:
        """Take the prints of a honeytoken back; return of how many versions there were any."""
        printed = {
            (each.arn, each.version_id)
            for each in self.table.load()
            if each.honeytoken and same_secret(name, each.arn)
        }
        for arn, version_id in printed:
            self.table.uproot(arn, version_id)
        return len(printed)

    def _value(self, name: str) -> dict[str, Any] | None:
        manager = self.clients.secrets_manager
        try:
            described = manager.describe_secret(SecretId=name)
        except manager.exceptions.ResourceNotFoundException:
            return None
        if described.get("RotationEnabled"):
            raise ConfigError(
                f"{name} rotates, so something uses it; take another secret for a honeytoken"
            )
        return {**manager.get_secret_value(SecretId=name)}

    def _new(self, declared: Declared) -> dict[str, Any]:
        user = declared.user
        text = self._access_key(user) if user else secrets.token_urlsafe(_BYTES)
        reply = self.clients.secrets_manager.create_secret(Name=declared.name, SecretString=text)
        return {**reply, "SecretString": text}

    def _access_key(self, user: str) -> str:
        iam, name = self.clients.iam, _bare(user)
        if made := iam.list_access_keys(UserName=name)["AccessKeyMetadata"]:
            raise ConfigError(
                f"IAM user {name} has a key that is in no secret, and IAM tells it once; put it "
                f"into the secret if you know it, else: aws iam delete-access-key --user-name "
                f"{name} --access-key-id {made[0]['AccessKeyId']}"
            )
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return json.dumps({part: key[part] for part in ("AccessKeyId", "SecretAccessKey")})


def _require_powerless(iam: IAMClient, user: str) -> None:
    """Raise `ConfigError` unless what an access key of `user` opens is nothing."""
    name = _bare(user)
    try:
        given = [
            *(p["PolicyName"] for p in _attached(iam, name)),
            *iam.list_user_policies(UserName=name)["PolicyNames"],
            *(f"group {g['GroupName']}" for g in _groups(iam, name)),
        ]
    except iam.exceptions.NoSuchEntityException:
        raise ConfigError(
            f"IAM user {name} does not exist; make it, with no rights: "
            f"aws iam create-user --user-name {name}"
        ) from None
    if given:
        raise ConfigError(
            f"IAM user {name} of a honeytoken has rights ({', '.join(given)}), and whoever finds "
            f"its key would have them; take them away"
        )


def _attached(iam: IAMClient, name: str) -> Sequence[Any]:
    return iam.list_attached_user_policies(UserName=name)["AttachedPolicies"]


def _groups(iam: IAMClient, name: str) -> Sequence[Any]:
    return iam.list_groups_for_user(UserName=name)["Groups"]


def _bare(user: str) -> str:
    """A user's name without the path before it, as ARNs have it."""
    return user.rpartition("/")[2]


def _recognised(text: str, declared: Declared) -> list[str]:
    """
    What of a value is printed. The id of an access key too: it is no secret, but gives it away.

    Anything else only where it was drawn at random, for prints tell those who hold them of it.
    """
    name = declared.name
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        parts = {"": text}
    else:
        parts = {key: document[key] for key in declared.keys or _USUAL_KEYS if key in document}
    if not parts or not all(isinstance(part, str) for part in parts.values()):
        raise ConfigError(
            f"honeytoken {name} has none of {', '.join(declared.keys or _USUAL_KEYS)} in its JSON; "
            f"name under its keys in wickie.yaml what it is recognised by"
        )
    weak = [key for key, part in parts.items() if key != _KEY_ID and not publishable(part)]
    if weak:
        raise ConfigError(
            f"honeytoken {name} is too short or too easily guessed{' at ' if weak[0] else ''}"
            f"{', '.join(weak)}; give it 24 or more characters that are drawn at random"
        )
    return list(parts.values())
