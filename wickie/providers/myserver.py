"""
What MySQL and MariaDB have in common: who may sign in, and with what.

An account is a user and the host it may come from. A secret names the user only, so an
administrator changes one that has a single account, whatever its host part.
"""

from __future__ import annotations

import hashlib
import secrets
from abc import ABC, abstractmethod
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from wickie.credentials import DatabaseLogin
from wickie.errors import (
    AuthenticationError,
    ConfigError,
    NotFoundError,
    ProviderUnavailableError,
)
from wickie.providers.mygrants import read_grants
from wickie.providers.mytwin import MARK, Account, claim, liken, sole
from wickie.providers.mywire import other_sessions
from wickie.providers.mywire import session as open_session

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from wickie.providers import Context
    from wickie.providers.mywire import Session

_LOCK_SECONDS: Final = 5


@dataclass(frozen=True)
class Server(ABC):
    """A `Database` and `Witness`, as far as both engines speak alike."""

    context: Context

    engines: ClassVar[tuple[str, ...]]
    name: ClassVar[str]
    longest_name: ClassVar[int]
    people: ClassVar[str]
    """What tells accounts from roles in mysql.user."""
    session_variables: ClassVar[str]

    def parse(self, text: str, name: str) -> DatabaseLogin:
        """See `Provider.parse`."""
        return DatabaseLogin.parse(text, name, self.engines, port=3306)

    def sign_in(self, login: DatabaseLogin) -> str:
        """See `Provider.sign_in`. What it may do, and the roles active without its asking."""
        with open_session(login, self.context.ca_bundle) as connection:
            rights = read_grants(row[0] for row in connection.run("show grants")) - {MARK}
            role = connection.one("select current_role()")
        told = sorted(map(str, rights)) + [f"DEFAULT ROLE {role}"] * bool(role)
        return "; ".join(told) or "nobody in particular"

    def set_password(self, session: DatabaseLogin, target: DatabaseLogin) -> None:
        """See `Database.set_password`."""
        with self._holding(session, target.username) as connection:
            if session.username == target.username:
                # Another secret for the same user may have changed it while we waited for the
                # lock: then `session` is dead, and setting ours would break what it promoted.
                self.sign_in(session)
                self._set_own(connection, session, target)
            else:
                self._set(connection, self._only(connection, target.username), target)

    def set_twin(
        self, session: DatabaseLogin, base: str, clone: str, target: DatabaseLogin
    ) -> None:
        """See `Database.set_twin`."""
        for name in (base, clone):
            if len(name) > self.longest_name:
                raise ConfigError(
                    f"user name {name} is longer than {self.name}'s {self.longest_name} "
                    f"characters; rename the user so that its clone's name fits"
                )
        with self._holding(session, base) as connection:
            of_base = self._only(connection, base)
            of_clone = self._clone(connection, of_base, clone)
            liken(connection, of_base, of_clone)
            self._copy_default_roles(connection, of_base, of_clone)
            self._set(connection, of_clone if target.username == clone else of_base, target)

    def end_sessions(self, user: DatabaseLogin) -> None:
        """See `Database.end_sessions`."""
        with open_session(user, self.context.ca_bundle) as connection:
            for number in other_sessions(connection, user.username):
                with suppress(NotFoundError):
                    connection.run(f"kill {number}")

    def used_since(self, old: DatabaseLogin, current: DatabaseLogin, since: datetime) -> str | None:
        """
        See `Witness`. The server tells who is connected, and neither who was nor by which password.

        So where `old` and `current` are of one user all of its sessions count.
        """
        del since
        try:
            with open_session(old, self.context.ca_bundle) as connection:
                count = len(other_sessions(connection, old.username))
        except AuthenticationError:  # only an administrator sees the sessions of others
            with open_session(current, self.context.ca_bundle) as connection:
                count = len(other_sessions(connection, old.username))
        return f"{count} connected as {old.username} at {old.host}" if count else None

    @contextmanager
    def _holding(self, session: DatabaseLogin, user: str) -> Iterator[Session]:
        """Open a session that alone changes `user` on this server."""
        lock = f"wickie {hashlib.sha256(user.encode()).hexdigest()[:32]}"
        with open_session(session, self.context.ca_bundle) as connection:
            self._require_version(connection.one("select version()"), session)
            connection.run(
                f"set session lock_wait_timeout = {_LOCK_SECONDS}, {self.session_variables}"
            )
            if connection.one("select get_lock(%s, %s)", lock, _LOCK_SECONDS) != "1":
                raise ProviderUnavailableError(
                    f"another session is changing {user} at {session.host}; try again later"
                )
            yield connection

    @abstractmethod
    def _require_version(self, version: str, login: DatabaseLogin) -> None:
        """Refuse the other engine: the same statement would set a password that is a hash."""

    def _accounts(self, connection: Session, user: str) -> list[Account]:
        rows = connection.run(
            f"select user, host, plugin from mysql.user where user = %s and {self.people}",  # noqa: S608
            user,
        )
        return [Account(*row) for row in rows]

    def _only(self, connection: Session, user: str) -> Account:
        return sole(self._accounts(connection, user), user, connection.login.host)

    def _clone(self, connection: Session, base: Account, user: str) -> Account:
        """Make the clone if missing; refuse one that is somebody else's."""
        found = self._accounts(connection, user)
        clone = Account(user, base.host, found[0].plugin if found else base.plugin)
        if not found:
            unknown = secrets.token_urlsafe(24)  # to everybody, until it is set
            connection.run(f"create user {clone} {self._identified(base, unknown)}")
        claim(connection, base, clone, found or [clone])
        return clone

    @abstractmethod
    def _identified(self, base: Account, password: str) -> str:
        """Return the clause that gives a new account a password by the plugin of `base`."""

    @abstractmethod
    def _set_own(
        self, connection: Session, session: DatabaseLogin, target: DatabaseLogin
    ) -> None: ...

    @abstractmethod
    def _set(self, connection: Session, who: Account, target: DatabaseLogin) -> None:
        """Give an account a password."""

    @abstractmethod
    def _copy_default_roles(self, connection: Session, base: Account, clone: Account) -> None:
        """Let the clone's sessions begin with the roles that those of `base` do."""
