"""A real MariaDB, whose passwords pymysql presents without wickie's provider."""

from __future__ import annotations

import json
import secrets
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pymysql

from bench.faults.arenas import Unavailable
from local.mariadb import MariaDB, MissingError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_DENIED = (1044, 1045, 1142)


class MariaDbArena:
    """Users who may read a table by a grant and write to it by a role."""

    options: Mapping[str, str] = {}

    def __init__(self, server: MariaDB) -> None:
        self._server = server
        self._master = server.admin.to_secret_string()
        self._logged = 0
        self._as_master(
            "create database till", "create table till.sales (id int)", "create role clerk",
            "grant insert on till.* to clerk",
        )  # fmt: skip

    def secret(self) -> str:
        """See `Arena`."""
        name, password = f"app_{uuid.uuid4().hex[:12]}", secrets.token_urlsafe(24)
        self._as_master(
            f"create user {name}@'%' identified by '{password}'",
            f"grant select on till.* to {name}@'%'",
            f"grant clerk to {name}@'%'",
            f"set default role clerk for {name}@'%'",
        )
        return json.dumps({**json.loads(self._master), "username": name, "password": password})

    def honours(self, value: str) -> bool:
        """See `Arena`."""
        try:
            with _signed_in(value) as cursor:
                cursor.execute("select count(*) from till.sales")
        except pymysql.Error as error:
            if error.args[0] in _DENIED:
                return False
            raise
        return True

    def master(self) -> str:
        """See `Administered`."""
        return self._master

    def change_master(self) -> str:
        """See `Administered`."""
        password = secrets.token_urlsafe(24)
        self._as_master(f"set password for admin@'%' = password('{password}')")
        self._master = json.dumps({**json.loads(self._master), "password": password})
        return self._master

    def log(self) -> str:
        """See `Logging`. Every statement, as this server writes it down."""
        text = self._server.log_text()[self._logged :]
        self._logged += len(text)
        return text

    def _as_master(self, *statements: str) -> None:
        """Sign in without being logged: what a rotator has logged is to be told from this."""
        with _signed_in(self._master) as cursor:
            for statement in ("set session sql_log_off = 1", *statements):
                cursor.execute(statement)


@contextmanager
def _signed_in(value: str) -> Iterator[Any]:
    login = json.loads(value)
    who = {"user": login["username"], "password": login["password"]}
    with (
        pymysql.connect(host=login["host"], port=login["port"], ssl_disabled=True, **who) as made,
        made.cursor() as cursor,
    ):
        yield cursor


@contextmanager
def running() -> Iterator[MariaDbArena]:
    """Without TLS: a handshake per login would take most of the time."""
    try:
        with MariaDB(tls=False) as server:
            yield MariaDbArena(server)
    except MissingError as error:
        raise Unavailable(str(error)) from None
