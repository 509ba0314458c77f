"""
MySQL and MariaDB: who may sign in, and with what.

An account is a user and the host it may come from. A secret names the user only, so an
administrator changes one that has a single account, whatever its host part.
"""

from __future__ import annotations

import hashlib
import re
import secrets
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
from wickie.providers.mypassword import HASHES, native_hash
from wickie.providers.mytwin import MARK, Account, claim, liken, sole
from wickie.providers.mywire import account, identifier, literal, other_sessions
from wickie.providers.mywire import session as open_session

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from wickie.providers import Context
    from wickie.providers.mywire import Session

_LOCK_SECONDS: Final = 5


@dataclass(frozen=True)
class _Server:
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

    def _require_version(self, version: str, login: DatabaseLogin) -> None:
        """Refuse the other engine: the same statement would set a password that is a hash."""
        raise NotImplementedError

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

    def _identified(self, base: Account, password: str) -> str:
        """Return the clause that gives a new account a password by the plugin of `base`."""
        raise NotImplementedError

    def _set_own(self, connection: Session, session: DatabaseLogin, target: DatabaseLogin) -> None:
        raise NotImplementedError

    def _set(self, connection: Session, who: Account, target: DatabaseLogin) -> None:
        raise NotImplementedError

    def _copy_default_roles(self, connection: Session, base: Account, clone: Account) -> None:
        raise NotImplementedError


@dataclass(frozen=True)
class MariaDB(_Server):
    """A `Database` for MariaDB 10.5 and newer, RDS among them."""

    engines = ("mariadb",)
    name = "MariaDB"
    longest_name = 80
    people = "is_role = 'N'"
    # Else a GRANT to an account that is gone would make it anew, with no password.
    session_variables = "sql_mode = 'STRICT_TRANS_TABLES,NO_AUTO_CREATE_USER'"

    def _require_version(self, version: str, login: DatabaseLogin) -> None:
        if "MariaDB" not in version:
            raise ConfigError(f"{login.host} is MySQL and not MariaDB; correct engine")

    def _identified(self, base: Account, password: str) -> str:
        del base
        return f"identified via mysql_native_password using '{native_hash(password)}'"

    def _set_own(self, connection: Session, session: DatabaseLogin, target: DatabaseLogin) -> None:
        del session
        connection.run(f"set password = '{native_hash(target.password.reveal())}'")

    def _set(self, connection: Session, who: Account, target: DatabaseLogin) -> None:
        # Unlike ALTER USER this leaves the account's plugin alone, and is refused by another.
        connection.run(f"set password for {who} = '{native_hash(target.password.reveal())}'")

    def _copy_default_roles(self, connection: Session, base: Account, clone: Account) -> None:
        query = "select default_role from mysql.user where user = %s and host = %s"
        wanted, has = (connection.one(query, who.user, who.host) for who in (base, clone))
        if wanted != has:
            role = identifier(wanted) if wanted else "none"
            connection.run(f"set default role {role} for {clone}")


@dataclass(frozen=True)
class MySQL(_Server):
    """
    A `Database` and `TwoPasswords` for MySQL 8.0.17 and newer, RDS and Aurora among them.

    A user without CREATE USER may give itself a password in plaintext only; the server writes
    its hash in place of it to its logs:
    https://dev.mysql.com/doc/refman/8.4/en/password-logging.html
    """

    engines = ("mysql", "aurora-mysql")
    name = "MySQL"
    longest_name = 32
    people = "true"
    session_variables = "sql_mode = 'STRICT_TRANS_TABLES', print_identified_with_as_hex = on"

    def add_password(
        self,
        session: DatabaseLogin,
        kept: DatabaseLogin,
        pending: DatabaseLogin,
        older: DatabaseLogin | None,
    ) -> None:
        """
        See `TwoPasswords.add_password`. Wants APPLICATION_PASSWORD_ADMIN of the user.

        The user itself acts: only so does the server retain a password it was shown to be right.
        """
        del session, older
        with self._holding(kept, kept.username) as connection:
            with suppress(AuthenticationError):
                self.sign_in(pending)
                return
            retaining = " retain current password"
            try:
                _change_own(connection, kept, pending, retaining)
            except AuthenticationError:
                # The first is one that a lost rotation set. Retained, it would take the place of
                # `kept`, which is in use.
                self._put_first(connection, kept)
                _change_own(connection, kept, pending, retaining)

    def drop_others(self, session: DatabaseLogin, current: DatabaseLogin) -> None:
        """See `TwoPasswords.drop_others`. Wants APPLICATION_PASSWORD_ADMIN of the user."""
        del session
        with self._holding(current, current.username) as connection:
            try:
                _change_own(connection, current, current)
            except AuthenticationError:  # the second is what is dropped
                self._put_first(connection, current)
            connection.run("alter user user() discard old password")
        self.end_sessions(current)

    def _put_first(self, connection: Session, login: DatabaseLogin) -> None:
        """Make a password that is the second the first, too."""
        self.sign_in(login)
        connection.run(f"alter user user() identified by {literal(login.password.reveal())}")

    def _require_version(self, version: str, login: DatabaseLogin) -> None:
        if "MariaDB" in version:
            raise ConfigError(f"{login.host} is MariaDB and not MySQL; correct engine")
        numbers = tuple(map(int, re.findall(r"\d+", version)[:3]))
        if numbers < (8, 0, 17):
            raise ConfigError(f"{login.host} is MySQL {version}; upgrade it to 8.0.17 or newer")

    def _identified(self, base: Account, password: str) -> str:
        if base.plugin not in HASHES:
            raise ConfigError(
                f"{base} signs in by {base.plugin}, which wickie does not know; alter it to one "
                f"of {', '.join(HASHES)}"
            )
        hashed = literal(HASHES[base.plugin](password))
        return f"identified with {base.plugin} as {hashed}"

    def _set_own(self, connection: Session, session: DatabaseLogin, target: DatabaseLogin) -> None:
        _change_own(connection, session, target)

    def _set(self, connection: Session, who: Account, target: DatabaseLogin) -> None:
        clause = self._identified(who, target.password.reveal())
        connection.run(f"alter user {who} {clause}")

    def _copy_default_roles(self, connection: Session, base: Account, clone: Account) -> None:
        query = (
            "select default_role_user, default_role_host from mysql.default_roles"
            " where user = %s and host = %s order by 1, 2"
        )
        wanted, has = (connection.run(query, who.user, who.host) for who in (base, clone))
        if wanted != has:
            roles = ", ".join(account(*row) for row in wanted) or "none"
            connection.run(f"alter user {clone} default role {roles}")


def _change_own(
    connection: Session, session: DatabaseLogin, target: DatabaseLogin, more: str = ""
) -> None:
    """Refused with `AuthenticationError` where `session` is signed in by its second password."""
    new, old = literal(target.password.reveal()), literal(session.password.reveal())
    connection.run(f"alter user user() identified by {new} replace {old}{more}")
