"""
Oracle Database: who may sign in, and with what.

A password that is kept goes over the protocol's own change of password, never into a statement:
whoever's it is signs in and changes it. The statements hold throwaway ones alone.
"""

from __future__ import annotations

import secrets
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from wickie.credentials import DatabaseLogin, Sensitive
from wickie.errors import ConfigError
from wickie.providers import oragrants
from wickie.providers.orawire import folded, identifier
from wickie.providers.orawire import session as open_session

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wickie.providers import Context
    from wickie.providers.orawire import Session

_NAME_BYTES: Final = 30

_OTHERS: Final = """
select sid, serial# from v$session where username = user and sid <> sys_context('USERENV', 'SID')
order by sid
"""


@dataclass(frozen=True)
class Oracle:
    """A `Database` for Oracle 12.1 and newer, RDS among them; users of one container."""

    context: Context

    def parse(self, text: str, name: str) -> DatabaseLogin:
        """See `Provider.parse`. TLS listens on a port of its own."""
        login = DatabaseLogin.parse(text, name, ("oracle",), port=2484)
        if not login.dbname:
            raise ConfigError(f"secret {name} lacks dbname; add the service's name to its JSON")
        folded(login.username)
        return login

    def sign_in(self, login: DatabaseLogin) -> str:
        """See `Provider.sign_in`."""
        with self._session(login) as connection:
            return oragrants.rights(connection)

    def set_password(self, session: DatabaseLogin, target: DatabaseLogin) -> None:
        """See `Database.set_password`."""
        if folded(session.username) == folded(target.username):
            self._change(session, target)
            return
        with self._session(session, target) as connection:
            passing = _set_throwaway(connection, target)
        self._change(passing, target)

    def set_twin(
        self, session: DatabaseLogin, base: str, clone: str, target: DatabaseLogin
    ) -> None:
        """See `Database.set_twin`."""
        if len(clone.encode()) > _NAME_BYTES:
            raise ConfigError(
                f"user name {clone} is longer than {_NAME_BYTES} bytes, which every Oracle takes; "
                f"rename the user so that its clone's name fits"
            )
        names = folded(base), folded(clone)
        with self._session(session, target) as connection:
            oragrants.ensure_clone(connection, *names, target.host)
            oragrants.match_clone(connection, *names)
            passing = _set_throwaway(connection, target)
        self._change(passing, target)

    def end_sessions(self, user: DatabaseLogin) -> None:
        """
        See `Database.end_sessions`.

        Oracle lets nobody end even their own without ALTER SYSTEM, nor see them without SELECT on
        V_$SESSION: lacking either is a `ProviderError`.
        """
        with self._session(user) as connection:
            for sid, serial in connection.run(_OTHERS):
                connection.run(
                    f"alter system disconnect session '{int(sid)},{int(serial)}' immediate"
                )

    def _change(self, session: DatabaseLogin, target: DatabaseLogin) -> None:
        with self._session(session, target) as connection:
            new = target.password.reveal()
            identifier(new)  # refuses what no client of Oracle's could write
            connection.change_password(session.password.reveal(), new)

    @contextmanager
    def _session(self, *logins: DatabaseLogin) -> Iterator[Session]:
        """Open one as the first; no error shows the password of any."""
        passwords = [login.password for login in logins]
        with open_session(logins[0], self.context.ca_bundle, *passwords) as connection:
            yield connection


def _set_throwaway(connection: Session, target: DatabaseLogin) -> DatabaseLogin:
    """Give the user a password for the moment, and return who signs in with it."""
    password = Sensitive(throwaway())
    connection.run(
        f"alter user {identifier(folded(target.username))} "
        f"identified by {identifier(password.reveal())}"
    )
    return replace(target, password=password)


def throwaway() -> str:
    """Make a password that verify functions take too."""
    return "a" + secrets.token_hex(11).upper()[:21] + "b3_Z"
