"""PostgreSQL in the place of a Redshift cluster, where both speak alike: with MD5 passwords."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from bench.faults.arenas import Unavailable
from bench.faults.arenas.postgres import PostgresArena
from local.postgres import Postgres, binaries

if TYPE_CHECKING:
    from collections.abc import Iterator


class RedshiftArena(PostgresArena):
    """PostgreSQL's users, whose secrets say that it is Redshift."""

    def __init__(self, server: Postgres) -> None:
        super().__init__(server)
        self._master = self._with(self._master, engine="redshift")


@contextmanager
def running() -> Iterator[RedshiftArena]:
    """Without TLS: a handshake per login would take most of the time."""
    if not binaries():
        raise Unavailable("no PostgreSQL here; apt-get install postgresql")
    settings = {"password_encryption": "md5", "log_statement": "ddl"}
    with Postgres(tls=False, auth="md5", settings=settings) as server:
        yield RedshiftArena(server)
