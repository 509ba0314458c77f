"""
Redis and Valkey: users of a server's ACL, who may have several passwords at once.

A new password reaches the server as the SHA-256 that it would have stored, so that none of its
logs, and nobody who watches it by MONITOR, sees the plaintext.

https://valkey.io/topics/acl/
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from wickie.credentials import DatabaseLogin
from wickie.errors import ConfigError
from wickie.providers.resp import RefusedError
from wickie.providers.resp import session as open_session

if TYPE_CHECKING:
    from wickie.credentials import Sensitive
    from wickie.providers import Context
    from wickie.providers.resp import Session

_NO_ACL_FILE: Final = "not configured to use an ACL file"


@dataclass(frozen=True)
class Redis:
    """
    `TwoPasswords` and a `Witness` for one server of Redis 6 and newer, or of Valkey.

    A user that changes its own password needs +acl|setuser, with which it can give itself any
    right; so name an administrator. Whoever changes it also needs +acl|save or +config|rewrite,
    +client|kill, +multi, +exec, and +info so that replicas are noticed.
    """

    context: Context

    def parse(self, text: str, name: str) -> DatabaseLogin:
        """See `Provider.parse`."""
        return DatabaseLogin.parse(text, name, ("redis", "valkey"), port=6379)

    def sign_in(self, login: DatabaseLogin) -> str:
        """See `Provider.sign_in`."""
        with open_session(login, self.context.ca_bundle):
            return login.username

    def add_password(
        self,
        session: DatabaseLogin,
        kept: DatabaseLogin,
        pending: DatabaseLogin,
        older: DatabaseLogin | None,
    ) -> None:
        """
        See `TwoPasswords.add_password`.

        One command, so there is no moment between. Adding before removing makes it no error to
        remove what is gone, and what is added last is honoured whatever else it is equal to.
        Passwords that the secret knows nothing of stay: another secret may be for the same user.
        """
        dropped = [f"{sign}{sha256(older.password)}" for sign in "#!"] if older else []
        self._change(
            session, pending, *dropped, f"#{sha256(kept.password)}", f"#{sha256(pending.password)}"
        )

    def drop_others(self, session: DatabaseLogin, current: DatabaseLogin) -> None:
        """See `TwoPasswords.drop_others`. No server tells by which password one signed in."""
        self._change(session, current, "resetpass", f"#{sha256(current.password)}")
        end_sessions(session, current.username, self.context)

    def used_since(self, old: DatabaseLogin, current: DatabaseLogin, since: datetime) -> str | None:
        """See `Witness.used_since`; sessions opened before `since` count, as they used `old`."""
        del old
        return sessions_before(current, since, self.context)

    def _change(self, session: DatabaseLogin, user: DatabaseLogin, *modifiers: str) -> None:
        change = ("ACL", "SETUSER", user.username, *modifiers)
        with open_session(session, self.context.ca_bundle) as connection:
            _require_single(connection, user)
            saving = _saving(connection, user)
            connection.run_together(change, *saving)


def end_sessions(session: DatabaseLogin, username: str, context: Context) -> None:
    """Signed in as `session`, end every other session of a user."""
    with open_session(session, context.ca_bundle) as connection:
        connection.run("CLIENT", "KILL", "USER", username)


def sessions_before(user: DatabaseLogin, moment: datetime, context: Context) -> str | None:
    """Say which sessions of `user` were opened before `moment`; None if there are none."""
    with open_session(user, context.ca_bundle) as connection:
        lines = connection.run("CLIENT", "LIST").splitlines()
        allowed = (datetime.now(UTC) - moment).total_seconds()
    clients = [dict(item.partition("=")[::2] for item in line.split(" ")) for line in lines]
    early = [c for c in clients if c.get("user") == user.username and int(c["age"]) > allowed]
    if not early:
        return None
    places = Counter(f"{c['addr'].rpartition(':')[0]} {c.get('lib-name', '')}" for c in early)
    told = ", ".join(f"{count} from {place.strip()}" for place, count in places.most_common(3))
    oldest = max(int(c["age"]) for c in early)
    return f"{user.username} has sessions older than that, the oldest {oldest} s: {told}"


def sha256(password: Sensitive) -> str:
    """Compute what an ACL stores for a password."""
    return hashlib.sha256(password.reveal().encode()).hexdigest()


def _require_single(connection: Session, user: DatabaseLogin) -> None:
    """Refuse what would leave other servers behind: no ACL is ever replicated."""
    try:
        facts = dict(
            line.partition(":")[::2] for line in connection.run("INFO").splitlines() if ":" in line
        )
    except RefusedError as error:
        if error.code != "NOPERM":
            raise
        return
    for fact, alone in {"role": "master", "connected_slaves": "0", "cluster_enabled": "0"}.items():
        if facts.get(fact, alone) != alone:
            raise ConfigError(
                f"{user.host}:{user.port} is not the only server ({fact} is {facts[fact]}), and "
                f"the others would not learn the new password of {user.username}: each keeps "
                f"users of its own; use a server without replicas, or ElastiCache or MemoryDB"
            )


def _saving(connection: Session, user: DatabaseLogin) -> list[tuple[str, ...]]:
    """
    Find out, by doing it, which command makes users outlive a restart of the server.

    Asked before anything changes: after a restart that forgets the new password, nobody who
    holds it would be let in.
    """
    if str(user.document.get("persist", True)).lower() == "false":
        return []
    save, rewrite = ("ACL", "SAVE"), ("CONFIG", "REWRITE")
    try:
        connection.run(*save)
    except RefusedError as error:
        if _NO_ACL_FILE not in str(error):
            raise
    else:
        return [save]
    try:
        connection.run(*rewrite)
    except RefusedError as error:
        raise ConfigError(
            f"a new password of {user.username} would not survive a restart of {user.host}:"
            f"{user.port}, which has no aclfile, and of CONFIG REWRITE says: {error}; repair "
            f"either, or, if it makes its users from this secret at each start, set "
            f'"persist": false in the secret'
        ) from None
    return [rewrite]
