"""
MongoDB and Amazon DocumentDB: who may sign in, and with what.

Passwords reach the server in commands, over TLS: SCRAM-SHA-256 users cannot be given a hash
(digestPassword must be true). MongoDB blanks `pwd` in its log, profiler and audit.
https://www.mongodb.com/docs/manual/reference/command/updateUser/
"""

from __future__ import annotations

import hashlib
import json
import secrets
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from wickie.credentials import DatabaseLogin
from wickie.errors import ConfigError
from wickie.providers.mongowire import session as open_session

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from wickie.providers import Context
    from wickie.providers.mongowire import Session

_MARK: Final = "wickie_clone_of"
"""What `customData` of a clone names its base under."""
_NAMES_SHOWN: Final = 8


@dataclass(frozen=True)
class MongoDb:
    """
    A `Database` for MongoDB 4.4 and newer, and DocumentDB; users with SCRAM passwords.

    `dbname` of the secret is where the user is defined, `admin` if it says nothing.
    """

    context: Context

    def parse(self, text: str, name: str) -> DatabaseLogin:
        """See `Provider.parse`."""
        return DatabaseLogin.parse(text, name, ("mongo", "mongodb", "documentdb"), port=27017)

    def sign_in(self, login: DatabaseLogin) -> str:
        """See `Provider.sign_in`. What a role holds is the same for all who have it."""
        with self._session(login) as database:
            status = database.command({"connectionStatus": 1})
        roles = status["authInfo"].get("authenticatedUserRoles", [])
        return f"roles {_listed(roles)}"

    def set_password(self, session: DatabaseLogin, target: DatabaseLogin) -> None:
        """See `Database.set_password`. A user needs the privilege changeOwnPassword for it."""
        with self._session(session, target) as database:
            _set_password(database, target)

    def set_twin(
        self, session: DatabaseLogin, base: str, clone: str, target: DatabaseLogin
    ) -> None:
        """
        See `Database.set_twin`.

        Where a user may sign in from (authenticationRestrictions) is not copied: DocumentDB
        knows none.
        """
        with self._session(session, target) as database:
            users = {user["user"]: user for user in _users(database, base, clone, target)}
            if base not in users:
                raise ConfigError(
                    f"user {base} does not exist in {target.dbname or 'admin'} at {target.host}, "
                    f"and {clone} is read as its clone; use single-user for it, or rename it"
                )
            _require_ours(users.get(clone), base, clone, target)
            data = {**users[base].get("customData", {}), _MARK: base}
            alike = {"roles": users[base].get("roles", []), "customData": data}
            if clone in users:
                database.command({"updateUser": clone, **alike}, of=target)
            else:
                unknown = secrets.token_urlsafe(32)
                database.command({"createUser": clone, "pwd": unknown, **alike}, of=target)
            _set_password(database, target)

    def end_sessions(self, user: DatabaseLogin) -> None:
        """
        See `Database.end_sessions`.

        Ends the user's logical sessions, with their cursors and transactions. A connection that
        is open stays signed in until it is closed: MongoDB has no command to end one.
        """
        with self._session(user) as database:
            database.command({"killSessions": []})

    @contextmanager
    def _session(self, *logins: DatabaseLogin) -> Iterator[Session]:
        """Open one as the first; no error shows the password of any."""
        passwords = [login.password for login in logins]
        with open_session(logins[0], self.context.ca_bundle, *passwords) as database:
            yield database


def _users(
    database: Session, base: str, clone: str, target: DatabaseLogin
) -> Sequence[Mapping[str, Any]]:
    where = target.dbname or "admin"
    wanted = [{"user": name, "db": where} for name in (base, clone)]
    reply = database.command({"usersInfo": wanted}, of=target)
    users: Sequence[Mapping[str, Any]] = reply["users"]
    return users


def _require_ours(
    found: Mapping[str, Any] | None, base: str, clone: str, login: DatabaseLogin
) -> None:
    if found and found.get("customData", {}).get(_MARK) != base:
        raise ConfigError(
            f"user {clone} at {login.host} was not made as the clone of {base}, so it is somebody "
            f'else\'s; rename it, or set its customData to {{"{_MARK}": "{base}"}} if it is '
            f"meant to be the clone"
        )


def _set_password(database: Session, target: DatabaseLogin) -> None:
    database.command({"updateUser": target.username, "pwd": target.password.reveal()}, of=target)


def _listed(roles: Sequence[Mapping[str, Any]]) -> str:
    texts = sorted(f"{role['role']} on {role['db']}" for role in roles)
    if len(texts) <= _NAMES_SHOWN:
        return ", ".join(texts) or "none"
    return f"{len(texts)} (#{hashlib.sha256(json.dumps(texts).encode()).hexdigest()[:8]})"
