"""A real Valkey, whose passwords redis-py presents without wickie's provider."""

from __future__ import annotations

import json
import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING

import redis

from bench.faults.standins.valkey import PLAIN_USER, SELF_SERVICE
from local.valkey import Valkey
from wickie.credentials import Sensitive
from wickie.providers.redis import sha256

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class ValkeyArena:
    """Users who change themselves."""

    options: Mapping[str, str] = {}
    rights = SELF_SERVICE

    def __init__(self, server: Valkey) -> None:
        self._server = server
        self._master = server.admin.to_secret_string()
        self._logged = 0

    def secret(self) -> str:
        """See `Arena`."""
        name, password = f"app_{secrets.token_hex(6)}", secrets.token_urlsafe(24)
        self._set(name, password, self.rights)
        return json.dumps({**json.loads(self._master), "username": name, "password": password})

    def honours(self, value: str) -> bool:
        """See `Arena`."""
        return signs_in(value)

    def log(self) -> str:
        """See `Logging`."""
        text = self._server.log_text()[self._logged :]
        self._logged += len(text)
        return text

    def _set(self, name: str, password: str, rights: str = "") -> None:
        hashed = f"#{sha256(Sensitive(password))}"
        with _signed_in(self._master) as client:
            client.execute_command(  # type: ignore[no-untyped-call]
                "ACL", "SETUSER", name, "on", "resetpass", hashed, *rights.split()
            )


class AdministeredValkey(ValkeyArena):
    """Users whom an administrator changes."""

    rights = PLAIN_USER

    def master(self) -> str:
        """See `Administered`."""
        return self._master

    def change_master(self) -> str:
        """See `Administered`."""
        password = secrets.token_urlsafe(24)
        self._set("default", password)
        self._master = json.dumps({**json.loads(self._master), "password": password})
        return self._master


def signs_in(value: str) -> bool:
    """Present a secret's credential and use it."""
    try:
        with _signed_in(value) as client:
            client.set("used", 1)
    except redis.AuthenticationError:
        return False
    return True


@contextmanager
def _signed_in(value: str) -> Iterator[redis.Redis]:
    login = json.loads(value)
    who = {"username": login["username"], "password": login["password"]}
    with redis.Redis(login["host"], login["port"], **who) as client:
        yield client


@contextmanager
def by_itself() -> Iterator[ValkeyArena]:
    """Without an administrator."""
    with Valkey(tls=False) as server:
        yield ValkeyArena(server)


@contextmanager
def by_an_administrator() -> Iterator[ValkeyArena]:
    """With one."""
    with Valkey(tls=False) as server:
        yield AdministeredValkey(server)
