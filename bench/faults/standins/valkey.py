"""A Valkey or Redis server as its administrator sees it."""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from wickie.aws import Clients
from wickie.credentials import DatabaseLogin, Sensitive
from wickie.providers import Context, verify
from wickie.providers.redis import Redis, sha256
from wickie.providers.resp import Session, session

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from local.valkey import Valkey
    from wickie.model import Verdict

SELF_SERVICE = "~* &* +@all"
PLAIN_USER = "~* &* +@all -@admin -@dangerous"


def redis(ca_bundle: str | None = None) -> Redis:
    """The provider under test."""
    return Redis(Context(Clients(), ca_bundle=ca_bundle))


@dataclass(frozen=True)
class Server:
    """Users are made and looked at past the provider."""

    running: Valkey

    @property
    def admin(self) -> DatabaseLogin:
        return self.running.admin

    def run(self, *command: str) -> Any:
        with self.session(self.admin) as connection:
            return connection.run(*command)

    def session(self, login: DatabaseLogin) -> AbstractContextManager[Session]:
        return session(login, None)

    def user(self, rights: str = SELF_SERVICE, name: str | None = None) -> DatabaseLogin:
        login = self.login(name or f"app_{uuid.uuid4().hex[:12]}", Sensitive(secrets.token_hex(16)))
        self.run(
            "ACL", "SETUSER", login.username, "on", f"#{sha256(login.password)}", *rights.split()
        )
        self.run("ACL", "SAVE")
        return login

    def login(self, name: str, password: Sensitive) -> DatabaseLogin:
        document = {**self.admin.document, "username": name, "team": "lighthouse"}
        return replace(self.admin, username=name, password=password, document=document)

    def hashes(self, user: DatabaseLogin) -> set[str]:
        """What the server honours for a user."""
        answer = self.run("ACL", "GETUSER", user.username)
        return set(answer[answer.index("passwords") + 1])

    def verdict(self, login: DatabaseLogin) -> Verdict:
        return verify(redis(), login)[0]
