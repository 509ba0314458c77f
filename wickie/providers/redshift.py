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
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from wickie.credentials import DatabaseLogin
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
    What `SingleUser` needs of a `Database`.

    There is no advisory lock: two secrets for one user are not kept from each other but by each
    signing in anew right before the change. A clone could not act as its base user, so what it
    creates would not be the base's: alternating users are not offered.
    """

    context: Context

    def parse(self, text: str, name: str) -> DatabaseLogin:
        """See `Provider.parse`."""
        login = DatabaseLogin.parse(text, name, ("redshift",), port=5439)
        return replace(login, dbname=login.dbname or _DATABASE)

    def sign_in(self, login: DatabaseLogin) -> str:
        """See `Provider.sign_in`."""
        with self._session(login) as connection:
            return str(connection.run("select current_user")[0][0])

    def set_password(self, session: DatabaseLogin, target: DatabaseLogin) -> None:
        """See `Database.set_password`."""
        with self._session(session) as connection:
            hashed = literal(md5_hash(target.username, target.password.reveal()))
            connection.run(f"alter user {identifier(target.username)} password {hashed}")

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
