"""A stand-in for MySQL that speaks its protocol, and is asked from the inside."""

from __future__ import annotations

import json
import secrets
import tempfile
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.faults.standins.mysql import Account, StandIn
from wickie.providers.mypassword import caching_sha2_hash

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_GRANTS = {"`till`.*": {"SELECT", "INSERT"}}


class MySqlArena:
    """Accounts with a grant and a default role."""

    options: Mapping[str, str] = {}

    def __init__(self, server: StandIn) -> None:
        self._server = server
        self._master = self._account("admin", privileged=True)

    def secret(self) -> str:
        """See `Arena`."""
        more = {"grants": {**_GRANTS}, "default_roles": [("clerk", "%")]}
        return self._account(f"app_{uuid.uuid4().hex[:12]}", **more)

    def honours(self, value: str) -> bool:
        """See `Arena`."""
        login = json.loads(value)
        found = self._server.accounts.get((login["username"], "%"))
        return (
            found is not None
            and found.honours(login["password"])
            and found.grants.items() >= _GRANTS.items()
        )

    def master(self) -> str:
        """See `Administered`."""
        return self._master

    def change_master(self) -> str:
        """See `Administered`."""
        self._master = self._account("admin", privileged=True)
        return self._master

    def _account(self, name: str, **more: Any) -> str:
        password = secrets.token_urlsafe(24)
        self._server.accounts[name, "%"] = Account(caching_sha2_hash(password), **more)
        return json.dumps(
            {
                "engine": "mysql",
                "host": "localhost",
                "port": self._server.server_address[1],
                "sslrootcert": self._server.ca_pem,
                "username": name,
                "password": password,
            }
        )


@contextmanager
def running() -> Iterator[MySqlArena]:
    """Over TLS, without which nobody is to send it a password."""
    with tempfile.TemporaryDirectory() as scratch, StandIn() as server:
        server.offer_tls(Path(scratch) / "server.pem")
        try:
            yield MySqlArena(server)
        finally:
            server.shutdown()
