"""
SQL Server: who may sign in, and with what.

Passwords reach the server in statements, over TLS: it keeps them out of its own traces and
audits, and who may not alter a login cannot have them hashed. A firewall that reads SQL sees them.
https://learn.microsoft.com/en-us/sql/t-sql/statements/alter-login-transact-sql
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wickie.credentials import DatabaseLogin
from wickie.errors import ConfigError
from wickie.providers import sqlrights
from wickie.providers.tds import APPLICATION, identifier, literal
from wickie.providers.tds import session as open_session

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from wickie.providers import Context
    from wickie.providers.tds import Session

_NAME_CHARACTERS: Final = 128

_OTHERS: Final = """
select session_id, coalesce(program_name, 'unnamed'), coalesce(host_name, 'unknown')
from sys.dm_exec_sessions
where original_login_name = suser_sname() and session_id <> @@spid order by session_id
"""
_SINCE: Final = """
select coalesce(program_name, 'unnamed'), coalesce(host_name, 'unknown')
from sys.dm_exec_sessions where original_login_name = %s and session_id <> @@spid
and coalesce(program_name, '') <> %s
and (original_login_name <> suser_sname()
  or login_time < dateadd(second, %s, sysdatetime())) order by login_time
"""


@dataclass(frozen=True)
class SqlServer:
    """A `Database` for SQL Server 2012 and newer, RDS among them; logins with passwords."""

    context: Context

    def parse(self, text: str, name: str) -> DatabaseLogin:
        """See `Provider.parse`."""
        return DatabaseLogin.parse(text, name, ("sqlserver",), port=1433)

    def sign_in(self, login: DatabaseLogin) -> str:
        """See `Provider.sign_in`."""
        with self._session(login) as connection:
            return sqlrights.rights(connection)

    def set_password(self, session: DatabaseLogin, target: DatabaseLogin) -> None:
        """See `Database.set_password`."""
        with self._session(session, target) as connection:
            if session.username == target.username:
                _set_password(connection, target, session)
            else:
                _set_password(connection, target)

    def set_twin(
        self, session: DatabaseLogin, base: str, clone: str, target: DatabaseLogin
    ) -> None:
        """See `Database.set_twin`."""
        if len(clone) > _NAME_CHARACTERS:
            raise ConfigError(
                f"login name {clone} is longer than SQL Server's {_NAME_CHARACTERS} characters; "
                f"rename the login so that its clone's name fits"
            )
        with self._session(session, target) as connection:
            sqlrights.ensure_clone(connection, base, clone, target.host)
            sqlrights.match_clone(connection, base, clone, target.host)
            _set_password(connection, target)

    def end_sessions(self, user: DatabaseLogin) -> None:
        """See `Database.end_sessions`. KILL takes ALTER ANY CONNECTION, even for one's own."""
        with self._session(user) as connection:
            for number, *_ in connection.run(_OTHERS):
                connection.run(
                    f"if exists (select 1 from sys.dm_exec_sessions where session_id = {number} "  # noqa: S608
                    f"and original_login_name = suser_sname()) kill {number}"
                )

    def used_since(self, old: DatabaseLogin, current: DatabaseLogin, since: datetime) -> str | None:
        """
        See `Witness.used_since`: the sessions there are now.

        Those of another login are shown to holders of VIEW SERVER STATE only.
        """
        age = int((type(since).now(since.tzinfo) - since).total_seconds())
        with self._session(current) as connection:
            rows = connection.run(_SINCE, old.username, APPLICATION, -age)
        if not rows:
            return None
        program, host = rows[0]
        return f"{old.username} has {len(rows)} session(s) open, the first {program} from {host}"

    @contextmanager
    def _session(self, *logins: DatabaseLogin) -> Iterator[Session]:
        """Open one as the first; no error shows the password of any."""
        passwords = [login.password for login in logins]
        with open_session(logins[0], self.context.ca_bundle, *passwords) as connection:
            yield connection


def _set_password(
    connection: Session, target: DatabaseLogin, old: DatabaseLogin | None = None
) -> None:
    """Knowing the old password, a login needs no permission to change its own."""
    knowing = f" old_password = {literal(old.password.reveal())}" if old else ""
    connection.run(
        f"alter login {identifier(target.username)} with password = "
        f"{literal(target.password.reveal())}{knowing}"
    )
