"""A real PostgreSQL, whose passwords pg8000 presents without wickie's provider."""

from __future__ import annotations

import json
import secrets
import ssl
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pg8000.native

from bench.faults.arenas import Unavailable
from local.postgres import Postgres, binaries

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class PostgresArena:
    """Roles that each own a table, which is read to see that a credential is good for something."""

    options: Mapping[str, str] = {}

    def __init__(self, server: Postgres) -> None:
        self._server = server
        self._master = server.admin.to_secret_string()
        self._logged = 0

    def secret(self) -> str:
        """See `Arena`."""
        name, password = f"app_{uuid.uuid4().hex[:12]}", secrets.token_urlsafe(24)
        literal = pg8000.native.literal(password)
        self.run(
            f"create role {name} login password {literal}",
            f"create table of_{name} (id int)",
            f"alter table of_{name} owner to {name}",
        )
        return self._with(self._master, username=name, password=password)

    def honours(self, value: str) -> bool:
        """See `Arena`."""
        base = json.loads(value)["username"].removesuffix("_clone")
        try:
            with self._signed_in(value) as connection:
                connection.run(f"select count(*) from of_{base}")  # noqa: S608  (our own name)
        except pg8000.native.DatabaseError as error:
            if error.args[0]["C"] in ("28P01", "42501"):
                return False
            raise
        return True

    def master(self) -> str:
        """See `Administered`."""
        return self._master

    def change_master(self) -> str:
        """See `Administered`."""
        password = secrets.token_urlsafe(24)
        self.run(f"alter role postgres password {pg8000.native.literal(password)}")
        self._master = self._with(self._master, password=password)
        return self._master

    def log(self) -> str:
        """See `Logging`."""
        text = self._server.log_text()[self._logged :]
        self._logged += len(text)
        return text

    def run(self, *statements: str) -> None:
        """Do so without being logged: what a rotator has logged is to be told from this."""
        with self._signed_in(self._master) as connection:
            for statement in ("set log_statement = none", *statements):
                connection.run(statement)

    @staticmethod
    def _with(value: str, **changes: str) -> str:
        return json.dumps({**json.loads(value), **changes})

    @staticmethod
    @contextmanager
    def _signed_in(value: str) -> Iterator[Any]:
        login = json.loads(value)
        pem = login.get("sslrootcert")
        make: Any = pg8000.native.Connection
        context = ssl.create_default_context(cadata=pem) if pem else False
        with make(
            login["username"],
            password=login["password"],
            host=login["host"],
            port=login["port"],
            database=login["dbname"],
            ssl_context=context,
        ) as connection:
            yield connection


@contextmanager
def without_tls(*, logged: bool = True) -> Iterator[PostgresArena]:
    """Most trials run here: a handshake per login would take most of their time."""
    with _server(tls=False, logged=logged) as server:
        yield PostgresArena(server)


@contextmanager
def with_tls() -> Iterator[PostgresArena]:
    """The same over TLS, where this machine has a PostgreSQL that knows it."""
    with _server(tls=True, logged=True) as server:
        if server.ca_pem is None:
            raise Unavailable("this build of PostgreSQL knows no TLS; apt-get install postgresql")
        yield PostgresArena(server)


@contextmanager
def _server(*, tls: bool, logged: bool) -> Iterator[Postgres]:
    if not binaries():
        raise Unavailable("no PostgreSQL here; apt-get install postgresql")
    with Postgres(tls=tls, settings={"log_statement": "ddl" if logged else "none"}) as server:
        yield server
