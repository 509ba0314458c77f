"""
The master user of an RDS instance or cluster, whose password the RDS API sets.

That API asks for no password, so it could be made to reset any instance's. Which one, is decided
by `options` alone, and the secret must name that one's endpoint and master user, or nothing is
done. Whether a password is honoured the database itself is asked, by the provider of its engine.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Final

from wickie.credentials import DatabaseLogin, Sensitive, read_document
from wickie.errors import AuthenticationError, ConfigError, ProviderUnavailableError
from wickie.providers import Context
from wickie.providers.rds import INSTANCE, Resource
from wickie.providers.registry import find_engine

if TYPE_CHECKING:
    from wickie.providers import Database

# https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ModifyDBInstance.html
_LONGEST: Final = {"postgres": 128}
_LONGEST_ELSE: Final = 41
"""MySQL's, MariaDB's and every cluster's."""
_FORBIDDEN: Final = frozenset('/@" ')

_PAUSE_SECONDS: Final = 1.0
# For the sign-in under way when patience runs out, and for the error to get home.
_RESERVED_SECONDS: Final = 10.0


@dataclass(frozen=True)
class MasterLogin(DatabaseLogin):
    """The master user, whose next password is one that RDS will take."""

    longest: int = _LONGEST_ELSE

    def succeeded_by(self, username: str, password: Sensitive) -> DatabaseLogin:
        """See `DatabaseLogin`. Refused here, it is not stored, and so not tried for ever."""
        text = password.reveal()
        if len(text) > self.longest or _FORBIDDEN & set(text) or not _printable(text):
            raise ConfigError(
                f"RDS takes no more than {self.longest} characters for the master user of "
                f'{self.host}, and no / @ " or space; correct passwords in wickie.yaml'
            )
        return super().succeeded_by(username, password)


@dataclass(frozen=True)
class RdsMaster:
    """A `Database` whose one user is the master user of what `options` names."""

    context: Context

    def parse(self, text: str, name: str) -> MasterLogin:
        """See `Provider.parse`."""
        engine = str(read_document(text, name, ("engine",))["engine"])
        login = self._database(engine).parse(text, name)
        known = {field.name: getattr(login, field.name) for field in fields(login)}
        single = self._resource.kind is INSTANCE
        longest = _LONGEST.get(_plain(engine), _LONGEST_ELSE) if single else _LONGEST_ELSE
        return MasterLogin(**known, longest=longest)

    def sign_in(self, login: DatabaseLogin) -> str:
        """See `Provider.sign_in`. No password is sent to an endpoint that is not the resource's."""
        self._resource.require(login)
        return self._database_of(login).sign_in(login)

    def set_password(self, session: DatabaseLogin, target: DatabaseLogin) -> None:
        """See `Database.set_password`. A change that is under way already is only waited for."""
        changing = self._resource.require(target)
        if not changing and not self._honoured(target):
            self._database_of(session).sign_in(session)
            self._resource.modify(target.password)
        deadline = time.monotonic() + self.context.seconds_left() - _RESERVED_SECONDS
        while not self._honoured(target):
            if time.monotonic() > deadline:
                raise ProviderUnavailableError(
                    f"{self._resource.name} has not applied the new password of "
                    f"{target.username} yet; the next attempt goes on waiting"
                )
            time.sleep(_PAUSE_SECONDS)

    def end_sessions(self, user: DatabaseLogin) -> None:
        """See `Database.end_sessions`."""
        self._resource.require(user)
        self._database_of(user).end_sessions(user)

    def _honoured(self, login: DatabaseLogin) -> bool:
        try:
            self._database_of(login).sign_in(login)
        except AuthenticationError:
            return False
        return True

    def _database_of(self, login: DatabaseLogin) -> Database:
        return self._database(str(login.document["engine"]))

    def _database(self, engine: str) -> Database:
        """Open the provider of the database itself."""
        served = find_engine("rds-master").opens
        if _plain(engine) not in served:
            raise ConfigError(
                f"rds-master does not serve engine {engine!r}; it serves {', '.join(served)}"
            )
        context = Context(self.context.clients, ca_bundle=self.context.ca_bundle)
        database: Database = find_engine(_plain(engine)).open(context)
        return database

    @property
    def _resource(self) -> Resource:
        return Resource.of(self.context)


def _plain(engine: str) -> str:
    """The engine's name without Aurora's, as the registry has it."""
    return engine.removeprefix("aurora-").replace("postgresql", "postgres")


def _printable(text: str) -> bool:
    return text.isascii() and text.isprintable()
