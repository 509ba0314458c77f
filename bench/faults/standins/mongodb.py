"""A MongoDB of dictionaries, at the driver's API: `client` stands for `pymongo.MongoClient`."""

from __future__ import annotations

import copy
import threading
from functools import partial
from typing import Any, Self

from pymongo.errors import AutoReconnect, NetworkTimeout, OperationFailure

from bench.faults.standins import Line

_FIELDS = {"pwd", "roles", "customData"}


def failure(code: int, text: str) -> OperationFailure:
    return OperationFailure(text, code, {"errmsg": text})


class FakeMongoDb:
    """The server; a shallow copy of it is a client."""

    line: Line
    password: str

    def __init__(self) -> None:
        self.users: dict[tuple[str, str], dict[str, Any]] = {}
        self.me: tuple[str, str] = ("", "")
        self.where, self.lock = "", threading.RLock()
        root = [{"role": "root", "db": "admin"}]
        self.users["admin", "admin"] = {"pwd": "admin-password", "roles": root}

    def add_clerk(self, name: str, password: str) -> None:
        """A user with a role."""
        roles = [{"role": "readWrite", "db": "shop"}]
        self.users["admin", name] = {"pwd": password, "roles": roles}

    def password_of(self, name: str) -> str | None:
        """The password that is honoured."""
        found: str | None = self.users.get(("admin", name), {}).get("pwd")
        return found

    def change_admin(self, password: str) -> None:
        """As the administrator itself does."""
        self.users["admin", "admin"]["pwd"] = password

    def client(self, *_: Any, username: str, password: str, **options: Any) -> FakeMongoDb:
        client = copy.copy(self)
        client.me = options["authSource"], username
        client.password = password
        client.line = Line(
            self.lock,
            lambda: AutoReconnect("connection closed"),
            lambda: NetworkTimeout("timed out"),
        )
        return client

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def __getitem__(self, name: str) -> FakeMongoDb:
        self.where = name
        return self

    def command(self, command: dict[str, Any]) -> dict[str, Any]:
        """Signing in first, as a driver's pool does."""
        answer: dict[str, Any] = self.line.call("command", partial(self._run, command))
        return answer

    def _run(self, command: dict[str, Any]) -> dict[str, Any]:
        if self.users.get(self.me, {}).get("pwd") != self.password and "ping" in command:
            raise failure(18, "Authentication failed.")
        name, value = next(iter(command.items()))
        act = getattr(self, f"_{name}", None)
        if act is None:
            raise failure(59, f"no such command: '{name}'")
        return act(value, {k: v for k, v in command.items() if k != name}) or {}

    def _ping(self, *_: Any) -> None: ...

    def _connectionStatus(self, *_: Any) -> dict[str, Any]:  # noqa: N802
        return {"authInfo": {"authenticatedUserRoles": self.users[self.me]["roles"]}}

    def _usersInfo(self, wanted: Any, more: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        assert not more
        self._require_admin()
        keys = [(w["db"], w["user"]) for w in wanted]
        shown = ("roles", "customData")
        found = {key: self.users[key] for key in keys if key in self.users}
        return {
            "users": [
                {"user": name, "db": db, **{k: v for k, v in user.items() if k in shown}}
                for (db, name), user in found.items()
            ]
        }

    def _createUser(self, name: str, fields: dict[str, Any]) -> None:  # noqa: N802
        self._require_admin()
        if (self.where, name) in self.users:
            raise failure(51003, f'User "{name}@{self.where}" already exists')
        assert fields.keys() >= {"pwd", "roles"}
        self._write(name, {}, fields)

    def _updateUser(self, name: str, fields: dict[str, Any]) -> None:  # noqa: N802
        if self.me != (self.where, name) or fields.keys() != {"pwd"}:
            self._require_admin()
        if (self.where, name) not in self.users:
            raise failure(11, f"User {name}@{self.where} not found for {fields.get('pwd')}")
        self._write(name, self.users[self.where, name], fields)

    def _write(self, name: str, before: dict[str, Any], fields: dict[str, Any]) -> None:
        assert fields, "nothing to update"
        if unknown := fields.keys() - _FIELDS:
            raise failure(40415, f"BSON field {unknown} is an unknown field.")
        self.users[self.where, name] = before | fields

    def _require_admin(self) -> None:
        if self.me != ("admin", "admin"):
            raise failure(13, "not authorized to execute command")
