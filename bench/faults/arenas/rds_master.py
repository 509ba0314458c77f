"""RDS instances of moto's, whose passwords a real PostgreSQL is given and judges."""

from __future__ import annotations

import json
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from bench.faults.arenas.postgres import PostgresArena, without_tls
from bench.faults.aws import new_clients
from bench.faults.standins.rds import Rds

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class RdsArena:
    """Instances, each with a master user of its own in one server."""

    options: Mapping[str, str] = {}

    def __init__(self, server: PostgresArena) -> None:
        self._server = server
        self._rds = new_clients().rds

    def secret(self) -> str:
        """See `Arena`."""
        login, identifier = json.loads(self._server.secret()), f"orders-{uuid.uuid4().hex[:12]}"
        self._rds.create_db_instance(
            DBInstanceIdentifier=identifier,
            DBInstanceClass="db.t4g.micro",
            Engine="postgres",
            AllocatedStorage=20,
            MasterUsername=login["username"],
            MasterUserPassword=login["password"],
            Port=login["port"],
        )
        return json.dumps({**login, "resource": f"db:{identifier}"})

    def honours(self, value: str) -> bool:
        """See `Arena`."""
        return self._server.honours(value)

    def settings(self, value: str) -> Mapping[str, Any]:
        """See `Configured`. Each secret says in a key of its own what it is for."""
        return {"options": {"resource": json.loads(value)["resource"]}}


@contextmanager
def instances() -> Iterator[RdsArena]:
    """Not logged: that AWS does not log what it is given is not ours to prove."""
    with without_tls(logged=False) as server, pytest.MonkeyPatch.context() as patch:
        Rds(server.run).install(patch)
        yield RdsArena(server)
