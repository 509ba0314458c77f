"""
PostgreSQL: who may sign in, and with what.

A password reaches the server as the SCRAM verifier that the server would have computed from
it, so that its log (`log_statement = ddl`) never holds the plaintext.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import scramp.utils

from wickie.credentials import DatabaseLogin
from wickie.errors import ConfigError
from wickie.providers.pgwire import identifier, literal
from wickie.providers.pgwire import session as open_session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wickie.providers import Context
    from wickie.providers.pgwire import Session

_NAME_BYTES: Final = 63
_SCRAM_ITERATIONS: Final = 4096
_saslprep: Callable[[str], str] = scramp.utils.saslprep


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
            return _one(connection, "select current_user::text")

    def set_password(self, session: DatabaseLogin, target: DatabaseLogin) -> None:
        """See `Database.set_password`."""
        with self._holding(session, target.username) as connection:
            if session.username == target.username:
                # Another secret for the same user may have changed it while we waited for the
                # lock: then `session` is dead, and setting ours would break what it promoted.
                self.sign_in(session)
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
            _ensure_clone(connection, base, clone, target)
            _copy_settings(connection, base, clone)
            connection.run(f"alter role {identifier(clone)} set role = {literal(base)}")
            _set_password(connection, target)

    def shortfall(self, clone: DatabaseLogin, base: DatabaseLogin) -> str | None:
        """See `Database.shortfall`. The clone has to act as the very role that the base acts as."""
        role, wanted = self.sign_in(clone), self.sign_in(base)
        if role == wanted:
            return None
        return (
            f"it acts as {role} and not as {wanted}; GRANT {wanted} TO {clone.username}, "
            f"ALTER ROLE {clone.username} SET ROLE {wanted}"
        )

    def end_sessions(self, user: DatabaseLogin) -> None:
        """See `Database.end_sessions`."""
        with open_session(user, self.context.ca_bundle) as connection:
            connection.run("set role none")
            connection.run(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where usename = session_user and pid <> pg_backend_pid()"
            )

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
    prepared = _saslprep(password).encode()
    salted = hashlib.pbkdf2_hmac("sha256", prepared, salt, _SCRAM_ITERATIONS)
    client = hmac.digest(salted, b"Client Key", "sha256")
    server = hmac.digest(salted, b"Server Key", "sha256")
    text = [base64.b64encode(b).decode() for b in (salt, hashlib.sha256(client).digest(), server)]
    return "SCRAM-SHA-256${}:{}${}:{}".format(_SCRAM_ITERATIONS, *text)


def _set_password(connection: Session, target: DatabaseLogin) -> None:
    verifier = literal(scram_verifier(target.password.reveal()))
    connection.run(f"alter role {identifier(target.username)} password {verifier}")


def _one(connection: Session, query: str, **params: str) -> str:
    rows = connection.run(query, **params)
    return str(rows[0][0])


def _ensure_clone(connection: Session, base: str, clone: str, target: DatabaseLogin) -> None:
    """Make the clone if missing; refuse two roles that are not each other's."""
    known = {
        row[0]
        for row in connection.run(
            "select rolname::text from pg_roles where rolname in (:base, :clone)",
            base=base,
            clone=clone,
        )
    }
    if base not in known:
        raise ConfigError(
            f"role {base} does not exist at {target.host}, and {clone} is read as its clone; "
            f"use single-user for it, or rename it"
        )
    if clone not in known:
        connection.run(f"create role {identifier(clone)} login")
        connection.run(f"grant {identifier(base)} to {identifier(clone)}")
        return
    member = connection.run(
        "select 1 from pg_auth_members m join pg_roles b on b.oid = m.roleid"
        " join pg_roles c on c.oid = m.member where b.rolname = :base and c.rolname = :clone",
        base=base,
        clone=clone,
    )
    if not member:
        raise ConfigError(
            f"role {clone} at {target.host} is not a member of {base}, so it is somebody else's; "
            f"rename it, or GRANT {base} TO {clone} if it is meant to be the clone"
        )


def _copy_settings(connection: Session, base: str, clone: str) -> None:
    """Give the clone the base's own settings: PostgreSQL reads them by who signs in."""
    connection.run(f"alter role {identifier(clone)} reset all")
    rows = connection.run(
        "select d.datname::text, s.setconfig from pg_db_role_setting s"
        " join pg_roles r on r.oid = s.setrole left join pg_database d on d.oid = s.setdatabase"
        " where r.rolname = :base",
        base=base,
    )
    for database, settings in rows:
        where = f" in database {identifier(database)}" if database else ""
        for name, value in (item.split("=", 1) for item in settings):
            if name == "role":
                continue
            # By way of our own session, because only the server can parse a list such as
            # search_path; true: for this transaction only.
            connection.run("select set_config(:name, :value, true)", name=name, value=value)
            parameter = ".".join(identifier(part) for part in name.split("."))
            connection.run(f"alter role {identifier(clone)}{where} set {parameter} from current")
