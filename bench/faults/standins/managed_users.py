"""
ElastiCache's and MemoryDB's side of a user, whose passwords land in a real Valkey.

It answers in the place of the network: botocore has checked every request against AWS's own
model of the API by then, and put it into the form it is sent in. Moto knows neither ModifyUser
nor UpdateUser.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from wickie.credentials import DatabaseLogin, Sensitive
from wickie.providers.redis import sha256

if TYPE_CHECKING:
    from bench.faults.standins.valkey import Server

ID = "app-1"
"""Of the one user there is, unless it is said to have another."""


@dataclass
class ManagedUser:
    """One user; a change of it is done when it has been looked at `looks` times."""

    service: str
    valkey: Server
    id: str = ID
    login: DatabaseLogin = field(init=False)
    looks: int = 2
    authentication: str = "password"
    applies: bool = True
    fails: tuple[int, str, str] | None = None
    """Status, code and message to refuse everything with."""
    asked: list[str] = field(default_factory=list)
    _left: int = 0
    _wanted: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        """Be another user, whose name is its id in MemoryDB alone."""
        name = self.id if self.service == "memorydb" else None
        self.valkey.run("ACL", "DELUSER", self.id)
        self.login = self.valkey.user("~* &* +@all -@admin +client", name)
        self._left = 0

    def attach(self, client: Any) -> None:
        client.meta.events.register(f"before-call.{self.service}", self.answer)

    def detach(self, client: Any) -> None:
        client.meta.events.unregister(f"before-call.{self.service}", self.answer)

    @property
    def changes(self) -> list[str]:
        return [name for name in self.asked if name in ("ModifyUser", "UpdateUser")]

    def begin(self, *passwords: str) -> None:
        """Start a change, as somebody else might."""
        self._left, self._wanted = self.looks, list(passwords)

    def finish(self) -> None:
        """Be done with the change under way, if there is one."""
        while self._left:
            self._look()

    def answer(self, model: Any, params: dict[str, Any], **_: Any) -> Any:
        self.asked.append(model.name)
        if self.fails:
            return _refuse(*self.fails)
        name, passwords = read(model, params)
        if name != self.id:
            return _refuse(404, "UserNotFound")
        if model.name == "DescribeUsers":
            self._look()
            return _reply({"Users": [self._described()]})
        if self._left:
            return _refuse(400, "InvalidUserState")
        if not 1 <= len(passwords) <= 2:
            return _refuse(400, "InvalidParameterValue")
        self.begin(*passwords)
        described = self._described()
        return _reply(described if model.name == "ModifyUser" else {"User": described})

    def _look(self) -> None:
        if self._left:
            self._left -= 1
            if not self._left and self.applies:
                hashes = (f"#{sha256(Sensitive(password))}" for password in self._wanted)
                self.valkey.run("ACL", "SETUSER", self.login.username, "resetpass", *hashes)

    def _described(self) -> dict[str, Any]:
        return {
            "UserName" if self.service == "elasticache" else "Name": self.login.username,
            "Status": "modifying" if self._left else "active",
            "Authentication": {"Type": self.authentication, "PasswordCount": 2},
        }


def read(model: Any, params: dict[str, Any]) -> tuple[str, list[str]]:
    """The user and the passwords of a request as it is sent: a form, or JSON."""
    if model.service_model.metadata["protocol"] == "json":
        body = json.loads(params["body"])
        return body["UserName"], body.get("AuthenticationMode", {}).get("Passwords", [])
    body = params["body"]
    form = body if isinstance(body, dict) else dict(parse_qsl(body))
    return form["UserId"], [form[key] for key in sorted(form) if key.startswith("Passwords.")]


def _reply(parsed: dict[str, Any]) -> Any:
    return SimpleNamespace(status_code=200), parsed


def _refuse(status: int, code: str, message: str = "") -> Any:
    error = {"Error": {"Code": code, "Message": message}}
    answer = {"ResponseMetadata": {"HTTPStatusCode": status}}
    return SimpleNamespace(status_code=status), error | answer
