"""
Amazon Redshift: PostgreSQL's protocol, of version 8.

A password reaches the cluster as its MD5 hash, which every driver can then sign in with. Of the
`sha256|…` form libpq and pg8000 know nothing: the cluster answers them with authentication
method 13. Unlike a SCRAM verifier, the hash lets whoever learns it sign in: keep from the
cluster's logs (STL_QUERYTEXT, STL_UTILITYTEXT) who may not know the password.

https://docs.aws.amazon.com/redshift/latest/dg/r_CREATE_USER.html
"""

from __future__ import annotations

import hashlib
import secrets
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from wickie.credentials import DatabaseLogin
from wickie.providers import rsgrants, rsowners
from wickie.providers.pgwire import identifier, literal
from wickie.providers.pgwire import session as open_session

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wickie.providers import Context
    from wickie.providers.pgwire import Session

_DATABASE: Final = "dev"
_LIMITS: Final = "set statement_timeout to 10000"


@dataclass(frozen=True)
class Redshift:
    """
    A `Database`.

    There is no advisory lock: two secrets for one user are not kept from each other but by each
    signing in anew right before the change. A clone cannot act as its base user, so what it
    created would not be the base's: only users that may create nothing take turns.
    """

    context: Context

    def parse(self, text: str, name: str) -> DatabaseLogin:
        """See `Provider.parse`."""
        login = DatabaseLogin.parse(text, name, ("redshift",), port=5439)
        return replace(login, dbname=login.dbname or _DATABASE)

    def sign_in(self, login: DatabaseLogin) -> str:
        """See `Provider.sign_in`."""
        with self._session(login) as connection:
            return rsgrants.rights(connection)

    def set_password(self, session: DatabaseLogin, target: DatabaseLogin) -> None:
        """See `Database.set_password`."""
        with self._session(session) as connection:
            _set_password(connection, target)

    def set_twin(
        self, session: DatabaseLogin, base: str, clone: str, target: DatabaseLogin
    ) -> None:
        """
        See `Database.set_twin`. The password comes last: what dies before is done again.

        Privileges are read and given in the database that the secret names, for Redshift shows
        those of the current database alone.
        """
        with self._session(replace(session, dbname=target.dbname)) as connection:
            rsowners.require_superuser(connection, session)
            rsowners.require_plain_user(connection, base, clone, target.host)
            nobodys = md5_hash(clone, secrets.token_urlsafe(32))
            rsgrants.ensure_clone(connection, base, clone, nobodys)
            rsgrants.liken(connection, base, clone)
            _set_password(connection, target)

    def end_sessions(self, user: DatabaseLogin) -> None:
        """See `Database.end_sessions`. A user sees its own sessions, and may end them."""
        with self._session(user) as connection:
            connection.run(
                "select pg_terminate_backend(process) from stv_sessions"
                " where user_name = current_user and process <> pg_backend_pid()"
            )

    @contextmanager
    def _session(self, login: DatabaseLogin) -> Iterator[Session]:
        with open_session(login, self.context.ca_bundle, _LIMITS) as connection:
            yield connection


def md5_hash(username: str, password: str) -> str:
    """Compute what the cluster stores for a password: salted with the name, as PostgreSQL did."""
    return "md5" + hashlib.md5((password + username).encode(), usedforsecurity=False).hexdigest()


def _set_password(connection: Session, target: DatabaseLogin) -> None:
    hashed = literal(md5_hash(target.username, target.password.reveal()))
    connection.run(f"alter user {identifier(target.username)} password {hashed}")
