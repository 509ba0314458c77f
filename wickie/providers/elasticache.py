"""
ElastiCache and MemoryDB: users that AWS's API changes, on every node of every cluster they are in.

A change takes half a minute or so, in which nodes differ. So whether it is done AWS says, and
what it did a sign-in does. https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/Clusters.RBAC.html
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

from botocore.exceptions import BotoCoreError, ClientError

from wickie.credentials import DatabaseLogin
from wickie.errors import ConfigError, ProviderUnavailableError, redacted
from wickie.providers.redis import end_sessions, sessions_before
from wickie.providers.resp import session as open_session

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from wickie.errors import Error
    from wickie.providers import Context

_PAUSE_SECONDS: Final = 2.0
# For the sign-ins that follow in the same step, and for the error to get home.
_RESERVED_SECONDS: Final = 8.0
_ASK_AGAIN: Final = ("InvalidUserState", "Throttl", "RequestLimitExceeded", "ServiceUnavailable")
_SERVER_FAULT: Final = 500


@dataclass(frozen=True)
class _ManagedUser(ABC):
    """
    `TwoPasswords` and a `Witness` for the one user that `options` names.

    Two passwords are all that AWS allows, so of two secrets for one user the one that rotates
    later evicts the other's. To end its sessions the user needs +client|kill, to witness
    +client|list; both are about the node at `host`.
    """

    context: Context

    engine: ClassVar[str]
    service: ClassVar[str]
    name_key: ClassVar[str]

    def parse(self, text: str, name: str) -> DatabaseLogin:
        """See `Provider.parse`."""
        return DatabaseLogin.parse(text, name, (self.engine, "redis", "valkey"), port=6379)

    def sign_in(self, login: DatabaseLogin) -> str:
        """
        See `Provider.sign_in`. A change under way is waited for, and then judged.

        So a step that was cut short while AWS was at work goes on waiting when it is repeated.
        """
        self._wait(login)
        with open_session(login, self.context.ca_bundle):
            return login.username

    def add_password(
        self,
        session: DatabaseLogin,
        kept: DatabaseLogin,
        pending: DatabaseLogin,
        older: DatabaseLogin | None,
    ) -> None:
        """See `TwoPasswords.add_password`."""
        del session, older
        self._change(pending, kept)

    def drop_others(self, session: DatabaseLogin, current: DatabaseLogin) -> None:
        """See `TwoPasswords.drop_others`."""
        del session
        self._change(current)
        end_sessions(current, current.username, self.context)

    def used_since(self, old: DatabaseLogin, current: DatabaseLogin, since: datetime) -> str | None:
        """See `Witness.used_since`; sessions opened before `since` count, as they used `old`."""
        del old
        return sessions_before(current, since, self.context)

    def _change(self, *logins: DatabaseLogin) -> None:
        self._wait(logins[0])
        with self._asking(*logins):
            self._modify([login.password.reveal() for login in logins])
        time.sleep(_PAUSE_SECONDS)  # what was just asked for may not show yet
        self._wait(logins[0])

    def _wait(self, login: DatabaseLogin) -> None:
        """Wait until AWS is not changing the user."""
        while (status := self._status(login)) != "active":
            if self.context.seconds_left() < _RESERVED_SECONDS + _PAUSE_SECONDS:
                raise ProviderUnavailableError(
                    f"{self.service} is still {status} user {self._user}; asked again, the step "
                    f"goes on waiting"
                )
            time.sleep(_PAUSE_SECONDS)

    def _status(self, login: DatabaseLogin) -> str:
        with self._asking(login):
            user = self._describe()
        if user[self.name_key] != login.username:
            raise ConfigError(
                f"{self.service} user {self._user} signs in as {user[self.name_key]}, and the "
                f"secret is for {login.username}; correct options.user in wickie.yaml"
            )
        if user["Authentication"]["Type"] != "password":
            raise ConfigError(
                f"{self.service} user {self._user} has no password (it authenticates by "
                f"{user['Authentication']['Type']}); there is nothing to rotate"
            )
        return str(user["Status"])

    @contextmanager
    def _asking(self, *logins: DatabaseLogin) -> Iterator[None]:
        with redacted(*(login.password for login in logins)):
            try:
                yield
            except ClientError as error:
                if known := self._refusal(error):
                    raise known from None
                raise
            except BotoCoreError as error:  # its text may quote the parameters of the call
                raise ProviderUnavailableError(
                    f"{self.service} could not be asked about user {self._user} "
                    f"({type(error).__name__}); try again, and check that the function reaches it "
                    f"from its subnets"
                ) from None

    def _refusal(self, error: ClientError) -> Error | None:
        code = error.response["Error"].get("Code", "")
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if code.startswith(_ASK_AGAIN) or status >= _SERVER_FAULT:
            return ProviderUnavailableError(
                f"{self.service} cannot change user {self._user} now ({code}); try again later"
            )
        if code.startswith("UserNotFound"):
            return ConfigError(
                f"{self.service} has no user {self._user} here; correct options.user in wickie.yaml"
            )
        if code.startswith("AccessDenied"):
            text = " ".join(error.response["Error"].get("Message", "").split())
            return ConfigError(f"not allowed on user {self._user}: {text}; run cdk deploy")
        return None

    @property
    def _user(self) -> str:
        return self.context.option("user")

    @abstractmethod
    def _describe(self) -> dict[str, Any]:
        """Ask the service for the user."""

    @abstractmethod
    def _modify(self, passwords: list[str]) -> None:
        """Have the service honour exactly these."""


@dataclass(frozen=True)
class ElastiCache(_ManagedUser):
    """`options.user` is the user's id, which may differ from the name it signs in by."""

    engine = "elasticache"
    service = "ElastiCache"
    name_key = "UserName"

    def _describe(self) -> dict[str, Any]:
        (user,) = self.context.clients.elasticache.describe_users(UserId=self._user)["Users"]
        return dict(user)

    def _modify(self, passwords: list[str]) -> None:
        self.context.clients.elasticache.modify_user(UserId=self._user, Passwords=passwords)


@dataclass(frozen=True)
class MemoryDb(_ManagedUser):
    """`options.user` is the name that the user signs in by."""

    engine = "memorydb"
    service = "MemoryDB"
    name_key = "Name"

    def _describe(self) -> dict[str, Any]:
        (user,) = self.context.clients.memorydb.describe_users(UserName=self._user)["Users"]
        return dict(user)

    def _modify(self, passwords: list[str]) -> None:
        self.context.clients.memorydb.update_user(
            UserName=self._user, AuthenticationMode={"Type": "password", "Passwords": passwords}
        )
