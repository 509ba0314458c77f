"""ElastiCache and MemoryDB: a stand-in for AWS's API, a real Valkey that honours passwords."""

from __future__ import annotations

import json
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from bench.faults.arenas.valkey import signs_in
from bench.faults.aws import new_clients
from bench.faults.standins.managed_users import ManagedUser, read
from bench.faults.standins.valkey import Server
from local.valkey import Valkey
from wickie.aws import Clients

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class ManagedArena:
    """Users of one service."""

    options: Mapping[str, str] = {}

    def __init__(self, service: str, valkey: Server) -> None:
        self._service, self._valkey = service, valkey
        self._users: dict[str, ManagedUser] = {}

    def secret(self) -> str:
        """See `Arena`."""
        user = ManagedUser(self._service, self._valkey, f"user-{uuid.uuid4().hex[:12]}")
        self._users[user.id] = user
        return user.login.to_secret_string()

    def honours(self, value: str) -> bool:
        """See `Arena`. AWS is done by then with what it was asked for."""
        self._user_of(value).finish()
        return signs_in(value)

    def settings(self, value: str) -> Mapping[str, Any]:
        """See `Configured`."""
        return {"options": {"user": self._user_of(value).id}}

    def answer(self, model: Any, params: dict[str, Any], **more: Any) -> Any:
        """Answer a request in the place of AWS."""
        return self._users[read(model, params)[0]].answer(model, params, **more)

    def _user_of(self, value: str) -> ManagedUser:
        name = json.loads(value)["username"]
        return next(user for user in self._users.values() if user.login.username == name)


@contextmanager
def _of(service: str) -> Iterator[ManagedArena]:
    with Valkey(tls=False) as valkey, pytest.MonkeyPatch.context() as patch:
        arena = ManagedArena(service, Server(valkey))
        client = getattr(new_clients(), service)
        client.meta.events.register(f"before-call.{service}", arena.answer)
        patch.setattr(Clients, service, client)
        patch.setattr("wickie.providers.elasticache._PAUSE_SECONDS", 0.001)
        yield arena


@contextmanager
def elasticache() -> Iterator[ManagedArena]:
    """Users whose id is not the name that they sign in by."""
    with _of("elasticache") as arena:
        yield arena


@contextmanager
def memorydb() -> Iterator[ManagedArena]:
    """Users whose name is all there is."""
    with _of("memorydb") as arena:
        yield arena
