"""PostgreSQL in the place of a Redshift cluster, where both speak alike: with MD5 passwords."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bench.faults.arenas import Unavailable
from bench.faults.arenas.postgres import PostgresArena
from bench.faults.standins.redshift import SYSTEM_VIEWS
from local.postgres import Postgres, binaries

if TYPE_CHECKING:
    from collections.abc import Iterator


class RedshiftArena(PostgresArena):
    """PostgreSQL's users, whose secrets say that it is Redshift. They only use, and own nothing."""

    def __init__(self, server: Postgres) -> None:
        super().__init__(server)
        self._master = self._with(self._master, engine="redshift")
        self.run("set allow_system_table_mods = on", *SYSTEM_VIEWS, "create group clerks")

    def secret(self) -> str:
        """See `Arena`."""
        value = super().secret()
        name = json.loads(value)["username"]
        self.run(
            f"alter table of_{name} owner to postgres",
            f"grant select on of_{name} to {name}",
            f"alter group clerks add user {name}",
        )
        return value


@contextmanager
def running() -> Iterator[RedshiftArena]:
    """Without TLS: a handshake per login would take most of the time."""
    if not binaries():
        raise Unavailable("no PostgreSQL here; apt-get install postgresql")
    settings = {"password_encryption": "md5", "log_statement": "ddl"}
    with Postgres(tls=False, auth="md5", settings=settings) as server:
        yield RedshiftArena(server)
