"""MySQL and MariaDB, each as far as it goes its own way; see `myserver`."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wickie.errors import AuthenticationError, ConfigError
from wickie.providers.mypassword import HASHES, native_hash
from wickie.providers.myserver import Server
from wickie.providers.mywire import account, identifier, literal

if TYPE_CHECKING:
    from wickie.credentials import DatabaseLogin
    from wickie.providers.mytwin import Account
    from wickie.providers.mywire import Session


@dataclass(frozen=True)
class MariaDB(Server):
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
class MySQL(Server):
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
