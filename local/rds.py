"""RDS: behind a PostgreSQL instance a real server, where this machine has the program."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from moto.rds import models

from local.daemon import HOST
from local.postgres import Postgres, binaries
from local.world import current
from wickie.providers.pgwire import identifier, literal, session

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.world import World

# Any, because what moto lacks is put into its classes here.
_Backend: Any = models.RDSBackend
_Instance: Any = models.DBInstance
_servers: dict[str, Postgres] = {}
"""By the identifier of their instance."""


def complete(world: World) -> None:  # noqa: ARG001  (instances ask for the current one)
    """Run what CreateDBInstance asks for, and end it by DeleteDBInstance."""
    _servers.clear()  # those of an earlier world have ended with it
    _patch()


def trust(instance: str) -> dict[str, Any]:
    """How a client is to trust the instance's server, as a secret says it."""
    server = _servers.get(instance)
    document = server.admin.document if server else {}
    return {key: document[key] for key in ("sslrootcert", "ssl") if key in document}


@cache
def _patch() -> None:
    elsewhere: Any = _Instance.address.fget
    _Instance.address = property(
        lambda self: HOST if self.db_instance_identifier in _servers else elsewhere(self)
    )
    _Backend.create_db_instance = _create(_Backend.create_db_instance)
    _Backend.delete_db_instance = _delete(_Backend.delete_db_instance)


def _create(create: Callable[..., Any]) -> Callable[..., Any]:
    def create_db_instance(self: Any, wanted: dict[str, Any]) -> Any:
        made = create(self, wanted)
        if made.engine == "postgres" and binaries() and not current().stopping.is_set():
            server = Postgres(current().processes).__enter__()
            _admit(server, wanted)
            _servers[made.db_instance_identifier] = server
            made.port = server.port
        return made

    return create_db_instance


def _admit(server: Postgres, wanted: dict[str, Any]) -> None:
    """Make the master user, who owns the first database."""
    name = identifier(wanted["master_username"])
    password = literal(wanted["master_user_password"])
    with session(server.admin, None) as connection:
        connection.run(f"CREATE ROLE {name} LOGIN CREATEROLE CREATEDB PASSWORD {password}")
        if database := wanted.get("db_name"):
            connection.run(f"CREATE DATABASE {identifier(database)} OWNER {name}")


def _delete(delete: Callable[..., Any]) -> Callable[..., Any]:
    def delete_db_instance(*args: Any, **kwargs: Any) -> Any:
        gone = delete(*args, **kwargs)
        if server := _servers.pop(gone.db_instance_identifier, None):
            server.__exit__()
        return gone

    return delete_db_instance
