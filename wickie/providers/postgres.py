"""
PostgreSQL: who may sign in, and with what.

A password reaches the server as the SCRAM verifier that the server would have computed from
it, so that its log (`log_statement = ddl`) never holds the plaintext.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import importlib
import secrets
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wickie.credentials import DatabaseLogin
from wickie.errors import ConfigError
from wickie.providers import pgroles
from wickie.providers.pgwire import APPLICATION, identifier, literal
from wickie.providers.pgwire import session as open_session

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from wickie.providers import Context
    from wickie.providers.pgwire import Session

_NAME_BYTES: Final = 63
_SCRAM_ITERATIONS: Final = 4096
_SESSIONS_SHOWN: Final = 3


@dataclass(frozen=True)
class Postgres:
    """A `Database` for PostgreSQL 13 and newer, RDS and Aurora among them."""

    context: Context

    def parse(self, text: str, name: str) -> DatabaseLogin:
        """See `Provider.parse`."""
        return DatabaseLogin.parse(text, name, ("postgres", "aurora-postgresql"), port=5432)

    def sign_in(self, login: DatabaseLogin) -> str:
        """See `Provider.sign_in`."""
        with open_session(login, self.context.ca_bundle) as connection:
            return pgroles.rights(connection)

    def set_password(self, session: DatabaseLogin, target: DatabaseLogin) -> None:
        """See `Database.set_password`."""
        with self._holding(session, target.username) as connection:
            if session.username == target.username:
                # Another secret for the same user may have changed it while we waited for the
                # lock: then `session` is dead, and setting ours would break what it promoted.
                self.sign_in(session)
            else:
                pgroles.require_admin_option(connection, session, target.username)
            _set_password(connection, target)

    def set_twin(
        self, session: DatabaseLogin, base: str, clone: str, target: DatabaseLogin
    ) -> None:
        """See `Database.set_twin`."""
        for name in (base, clone):
            if len(name.encode()) > _NAME_BYTES:
                raise ConfigError(
                    f"role name {name} is longer than PostgreSQL's {_NAME_BYTES} bytes; "
                    f"rename the user so that its clone's name fits"
                )
        with self._holding(session, base) as connection:
            pgroles.require_admin_option(connection, session, base, clone)
            pgroles.ensure_clone(connection, base, clone, target.host)
            pgroles.match_clone(connection, base, clone)
            _set_password(connection, target)

    def end_sessions(self, user: DatabaseLogin) -> None:
        """See `Database.end_sessions`."""
        with open_session(user, self.context.ca_bundle) as connection:
            connection.run("set role none")
            connection.run(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where usename = session_user and pid <> pg_backend_pid()"
            )

    def used_since(self, old: DatabaseLogin, current: DatabaseLogin, since: datetime) -> str | None:
        """
        See `Witness.used_since`: the sessions there are now. PostgreSQL remembers no others.

        A session of the user that both share was opened with `old` if before `since`. Those of
        another user show their address only to members of that role, and of pg_read_all_stats.
        """
        with open_session(current, self.context.ca_bundle) as connection:
            rows = connection.run(
                "select coalesce(nullif(application_name, ''), 'unnamed') || ' from '"
                " || coalesce(host(client_addr), 'unknown')"
                " || coalesce(to_char(backend_start at time zone 'UTC',"
                "  '\" since \"YYYY-MM-DD HH24:MI\" UTC\"'), '')"
                " from pg_stat_activity where usename = :old and application_name <> :ours"
                " and (usename <> session_user or backend_start < cast(:since as timestamptz))"
                " order by backend_start",
                old=old.username,
                ours=APPLICATION,
                since=since.isoformat(),
            )
        if not rows:
            return None
        shown = ", ".join(row[0] for row in rows[:_SESSIONS_SHOWN])
        more = f" and {len(rows) - _SESSIONS_SHOWN} more" if len(rows) > _SESSIONS_SHOWN else ""
        return f"{old.username} has {len(rows)} session(s) open: {shown}{more}"

    @contextmanager
    def _holding(self, session: DatabaseLogin, role: str) -> Iterator[Session]:
        """
        Open a transaction that alone changes `role`.

        Advisory locks belong to one database, so two secrets that name the same role exclude
        each other only where their dbname is the same.
        """
        key = int.from_bytes(hashlib.sha256(f"wickie {role}".encode()).digest()[:8], signed=True)
        with open_session(session, self.context.ca_bundle) as connection:
            connection.run("begin")
            connection.run(f"select pg_advisory_xact_lock({key})")
            yield connection
            connection.run("commit")


def scram_verifier(password: str, salt: bytes | None = None) -> str:
    """Compute what PostgreSQL stores for a password, as `\\password` of psql does (RFC 5803)."""
    salt = salt or secrets.token_bytes(16)
    # With pg8000, and like it imported no sooner than it is needed.
    prepared: bytes = importlib.import_module("scramp.utils").saslprep(password).encode()
    salted = hashlib.pbkdf2_hmac("sha256", prepared, salt, _SCRAM_ITERATIONS)
    client = hmac.digest(salted, b"Client Key", "sha256")
    server = hmac.digest(salted, b"Server Key", "sha256")
    text = [base64.b64encode(b).decode() for b in (salt, hashlib.sha256(client).digest(), server)]
    return "SCRAM-SHA-256${}:{}${}:{}".format(_SCRAM_ITERATIONS, *text)


def _set_password(connection: Session, target: DatabaseLogin) -> None:
    verifier = literal(scram_verifier(target.password.reveal()))
    connection.run(f"alter role {identifier(target.username)} password {verifier}")
