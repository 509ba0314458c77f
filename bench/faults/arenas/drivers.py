"""SQL Server, Oracle and MongoDB: stand-ins at their drivers' APIs, asked from the inside."""

from __future__ import annotations

import json
import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import oracledb
import pymongo
import pytest

from bench.faults.standins.mongodb import FakeMongoDb
from bench.faults.standins.oracle import FakeOracle
from bench.faults.standins.sqlserver import FakeSqlServer
from wickie.providers import mongowire, orawire, tds

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class DriverArena:
    """Users of one server, with something that a clone is to be given."""

    options: Mapping[str, str] = {}

    def __init__(self, server: Any, **where: Any) -> None:
        self._server, self._where = server, {"host": "db", "ssl": False, **where}
        self._master = self._value("admin", "admin-password")

    def secret(self) -> str:
        """See `Arena`."""
        name, password = f"app_{secrets.token_hex(6)}", secrets.token_urlsafe(16)
        self._server.add_clerk(name, password)
        return self._value(name, password)

    def honours(self, value: str) -> bool:
        """See `Arena`."""
        login = json.loads(value)
        held: str | None = self._server.password_of(login["username"])
        return held is not None and held == str(login["password"])

    def master(self) -> str:
        """See `Administered`."""
        return self._master

    def change_master(self) -> str:
        """See `Administered`."""
        password = secrets.token_urlsafe(16)
        self._server.change_admin(password)
        self._master = self._value("admin", password)
        return self._master

    def _value(self, name: str, password: str) -> str:
        return json.dumps({**self._where, "username": name, "password": password})


class OracleArena(DriverArena):
    """Whose statements are looked at: nobody hides a password in them but the provider."""

    def log(self) -> str:
        """See `Logging`."""
        statements: list[str] = self._server.statements
        text = "\n".join(statements)
        statements.clear()
        return text


@contextmanager
def sqlserver() -> Iterator[DriverArena]:
    """In the place of what connects the driver."""
    with pytest.MonkeyPatch.context() as patch:
        server = FakeSqlServer()
        patch.setattr(tds, "_connect", server.connect)
        yield DriverArena(server, engine="sqlserver")


@contextmanager
def oracle() -> Iterator[DriverArena]:
    """In the place of `oracledb.connect`."""
    with pytest.MonkeyPatch.context() as patch:
        server = FakeOracle()
        patch.setattr(oracledb, "connect", server.connect)
        patch.setattr(orawire, "require_reachable", lambda *_: None)
        yield OracleArena(server, engine="oracle", dbname="ORCL")


@contextmanager
def mongodb() -> Iterator[DriverArena]:
    """In the place of `pymongo.MongoClient`."""
    with pytest.MonkeyPatch.context() as patch:
        server = FakeMongoDb()
        patch.setattr(pymongo, "MongoClient", server.client)
        patch.setattr(mongowire, "require_reachable", lambda *_: None)
        yield DriverArena(server, engine="mongo")
