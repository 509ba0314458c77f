"""A database of a dictionary, and logins to it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from wickie.credentials import DatabaseLogin
from wickie.errors import AuthenticationError, ProviderError


def parse(text: str, name: str) -> DatabaseLogin:
    """Read a secret of PostgreSQL's."""
    return DatabaseLogin.parse(text, name, ("postgres", "aurora-postgresql"), 5432)


class FakeDatabase:
    """Passwords by user, as a server holds them, and everything that it was asked."""

    def __init__(self, **passwords: str) -> None:
        self.passwords = passwords
        self.roles: dict[str, str] = {}
        self.fails: ProviderError | None = None
        self.refuses: ProviderError | None = None
        """What it says to a new password."""
        self.asked: list[tuple[str, str]] = []
        self.boundary: Callable[[], None] = lambda: None
        """Called before anything is asked or changed: to die there."""

    def parse(self, text: str, name: str) -> DatabaseLogin:
        return parse(text, name)

    def sign_in(self, login: DatabaseLogin) -> str:
        self.boundary()
        self.asked.append(("sign_in", login.username))
        if self.fails:
            raise self.fails
        if self.passwords.get(login.username) != login.password.reveal():
            raise AuthenticationError(f"no {login.username}")
        return self.roles.get(login.username, login.username)

    def set_password(self, session: DatabaseLogin, target: DatabaseLogin) -> None:
        self.sign_in(session)
        self.boundary()
        self.asked.append(("set_password", target.username))
        if self.refuses:
            raise self.refuses
        self.passwords[target.username] = target.password.reveal()

    def set_twin(self, session, base: str, clone: str, target: DatabaseLogin) -> None:
        self.set_password(session, target)
        self.roles[clone] = base

    def end_sessions(self, user: DatabaseLogin) -> None:
        self.sign_in(user)
        self.asked.append(("end_sessions", user.username))

    @property
    def changed(self) -> list[str]:
        return [user for what, user in self.asked if what == "set_password"]


def login(username: str = "app", password: str = "first-password", **more: Any) -> DatabaseLogin:
    document = {"engine": "postgres", "host": "db", "port": 5432, "username": username, **more}
    text = json.dumps(document | {"password": password})
    return parse(text, "test")
