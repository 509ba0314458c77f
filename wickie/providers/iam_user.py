"""
The access keys of one IAM user: two at most, and what a crash may have left of them.

IAM tells a secret key once, in its reply to CreateAccessKey. A function that dies before the key
is stored leaves one that nobody can use, in one of the two places. So the user is tagged with
the rotation's token and the time before a key is made. A retry deletes what was made within a
minute of such a note, for the same token, was never used, and while that rotation has stored none.
Every other key is somebody's, and stays.

What is decided here rests on IAM's own data; a version of the secret only says which key it holds.
That a key was not used is no proof: IAM hears of it late, and two runs of a step may overlap.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from wickie.credentials import Sensitive
from wickie.errors import ConfigError, ProviderUnavailableError, RotationError
from wickie.providers.registry import ISSUING_TAG

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mypy_boto3_iam import IAMClient
    from mypy_boto3_iam.type_defs import AccessKeyMetadataTypeDef

    from wickie.credentials import Credential
    from wickie.providers import Context

_NOTED_ATTEMPTS: Final = 8
"""A tag's value has 256 characters: a token of 64, and 20 for each time."""
_TIME: Final = "%Y-%m-%dT%H:%M:%SZ"
_ATTEMPT_LASTS: Final = timedelta(seconds=60)
"""A function's timeout: what it makes, it makes within that time of its note."""
_TIME_TO_MOVE: Final = timedelta(hours=1)
"""
How long clients may keep a value they have read: AWS's caching clients do so for an hour.
https://docs.aws.amazon.com/secretsmanager/latest/userguide/retrieving-secrets_cache-python.html
"""


@dataclass(frozen=True)
class Use:
    """The last time a key was used, as far as IAM knows: its reports lag, by up to four hours."""

    at: datetime
    where: str

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} UTC ({self.where})"


@dataclass(frozen=True)
class IamUser:
    """One user's keys, by their ids."""

    iam: IAMClient
    name: str

    @classmethod
    def of(cls, context: Context) -> IamUser:
        """The user that `options` names, by name or with its path before it, as its ARN has it."""
        return cls(context.clients.iam, context.option("user").rpartition("/")[2])

    def issue(
        self, current: str, previous: Callable[[], Credential | None], token: str
    ) -> tuple[str, Sensitive]:
        """
        Make a key beside `current`; return its id and the secret key. See `Issuer.issue`.

        Raises:
            RotationError: there is no room for it, or `current` is not this user's to succeed.
            ProviderUnavailableError: IAM does not list yet what takes the room.
        """
        with self._errors():
            keys = self._keys()
            mine = self._found(keys, current)
            if mine["Status"] != "Active":
                raise RotationError(
                    f"AWSCURRENT holds {current}, which somebody made {mine['Status'].lower()}; "
                    f"a new key would undo that: activate it, or end the secret's rotation"
                )
            attempts = self._attempts(token)
            for key_id, key in keys.items():
                if key_id == current:
                    continue
                used, last = self._last_use(key_id), previous()
                if last and last.holder == key_id:
                    self._require_idle(key, used, max(mine["CreateDate"], key["CreateDate"]))
                elif used or not _made_by(attempts, key):
                    raise self._no_room(key_id, used)
                self._delete(key_id)
            self._note(token, attempts)
            return self._create()

    def revoke(self, old: str, current: str) -> None:
        """Delete `old`, and never `current`. See `Issuer.revoke`."""
        if old == current:
            raise RotationError(
                f"this version and AWSCURRENT hold the same key {old}; rotate, then retire it"
            )
        with self._errors():
            keys = self._keys()
            self._found(keys, current)
            if old in keys:
                self._delete(old)

    def owner_of(self, key_id: str) -> str:
        """Tell whose the key is, as far as this user's keys can."""
        with self._errors():
            ours = key_id in self._keys()
        return f"{'' if ours else 'another than '}IAM user {self.name}"

    def used_since(self, key_id: str, since: datetime) -> str | None:
        """Say in a line where one of this user's keys was used after `since`, if it was."""
        with self._errors():
            used = self._last_use(key_id) if key_id in self._keys() else None
        return f"{key_id} was used at {used}" if used and used.at > since else None

    def _keys(self) -> Mapping[str, AccessKeyMetadataTypeDef]:
        reply = self.iam.list_access_keys(UserName=self.name)
        return {key["AccessKeyId"]: key for key in reply["AccessKeyMetadata"]}

    def _found(
        self, keys: Mapping[str, AccessKeyMetadataTypeDef], current: str
    ) -> AccessKeyMetadataTypeDef:
        if current not in keys:
            raise RotationError(
                f"AWSCURRENT holds {current}, which is no key of IAM user {self.name}; correct "
                f"options.user in wickie.yaml, or put a key of that user into the secret"
            )
        return keys[current]

    def _require_idle(
        self, key: AccessKeyMetadataTypeDef, used: Use | None, since: datetime
    ) -> None:
        """Raise unless the clients of AWSPREVIOUS had time to move, from `since` on, and did."""
        key_id = key["AccessKeyId"]
        if key["Status"] != "Active" or used is None or used.at <= since:
            return
        moved, now = since.astimezone(UTC) + _TIME_TO_MOVE, datetime.now(UTC)
        if used.at <= moved <= now:
            return
        remedy = "move its client to the secret's value, then make it inactive"
        if used.at <= moved:
            remedy = f"rotate again after {moved:{_TIME}}, or sooner if you make it inactive"
        raise RotationError(
            f"AWSPREVIOUS holds {key_id}, last used at {used}, and a key in use is not deleted to "
            f"make room for a new one; {remedy}: aws iam update-access-key --status Inactive "
            f"--user-name {self.name} --access-key-id {key_id}"
        )

    def _no_room(self, key_id: str, used: Use | None) -> RotationError:
        use = f"last used at {used}" if used else "never used as far as IAM knows"
        return RotationError(
            f"IAM user {self.name} has no room for a new key: {key_id} is in neither AWSCURRENT "
            f"nor AWSPREVIOUS, and was {use}; if nobody needs it: aws iam delete-access-key "
            f"--user-name {self.name} --access-key-id {key_id}"
        )

    def _last_use(self, key_id: str) -> Use | None:
        reply = self.iam.get_access_key_last_used(AccessKeyId=key_id)
        used = reply["AccessKeyLastUsed"]
        at = used.get("LastUsedDate")
        return Use(at.astimezone(UTC), f"{used['ServiceName']}, {used['Region']}") if at else None

    def _attempts(self, token: str) -> list[datetime]:
        """When earlier attempts of the same rotation were about to make a key."""
        tags = {t["Key"]: t["Value"] for t in self.iam.list_user_tags(UserName=self.name)["Tags"]}
        noted, *times = tags.get(ISSUING_TAG, "").split(" ")
        if noted != token:
            return []
        return [datetime.strptime(time, _TIME).replace(tzinfo=UTC) for time in times]

    def _note(self, token: str, attempts: list[datetime]) -> None:
        # All of them, for IAM may list the key of an attempt only when a later one has begun.
        times = [*attempts, datetime.now(UTC)][-_NOTED_ATTEMPTS:]
        value = " ".join([token, *(time.strftime(_TIME) for time in times)])
        self.iam.tag_user(UserName=self.name, Tags=[{"Key": ISSUING_TAG, "Value": value}])

    def _create(self) -> tuple[str, Sensitive]:
        try:
            key = self.iam.create_access_key(UserName=self.name)["AccessKey"]
        except self.iam.exceptions.LimitExceededException:
            raise ProviderUnavailableError(
                f"IAM user {self.name} has a key that IAM does not list yet; try again later"
            ) from None
        return key["AccessKeyId"], Sensitive(key["SecretAccessKey"])

    def _delete(self, key_id: str) -> None:
        """Inactive first: should the next call fail, what is left can be given back."""
        try:
            self.iam.update_access_key(UserName=self.name, AccessKeyId=key_id, Status="Inactive")
            self.iam.delete_access_key(UserName=self.name, AccessKeyId=key_id)
        except self.iam.exceptions.NoSuchEntityException:
            return

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except self.iam.exceptions.NoSuchEntityException:
            raise ConfigError(
                f"IAM user {self.name} does not exist; correct options.user in wickie.yaml"
            ) from None


def _made_by(attempts: list[datetime], key: AccessKeyMetadataTypeDef) -> bool:
    return any(attempt <= key["CreateDate"] <= attempt + _ATTEMPT_LASTS for attempt in attempts)
