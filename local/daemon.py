"""
A real server program in a scratch folder of its own, started in a moment and leaving nothing.

Database servers refuse to run as root, so root starts them as `nobody`.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from contextlib import ExitStack
from pathlib import Path
from typing import Any, ClassVar, Self

from local.certificates import make_certificates
from local.processes import Processes

HOST = "localhost"
_START_SECONDS = 30.0
_STOP_SECONDS = 5.0


class Daemon(ABC):
    """One server on a free port. Use as a context manager."""

    NAME: ClassVar[str]
    """As people know the program."""
    READY: ClassVar[str]
    """What it logs once it listens."""
    STOP: ClassVar[signal.Signals] = signal.SIGTERM
    INPUT: ClassVar[str] = os.devnull
    """File in the scratch folder that it finds on its standard input."""

    ca_pem: str | None = None
    """The CA that signed its certificate; None where it offers no TLS."""

    def __init__(self, processes: Processes | None = None) -> None:
        self.port = 0
        self._processes = processes or Processes()
        self._server: subprocess.Popen[bytes] | None = None
        self._as: dict[str, Any] = {}

    def __enter__(self) -> Self:
        self._scratch = Path(tempfile.mkdtemp(prefix=f"wickie-{self.NAME.lower()}-"))
        with ExitStack() as unfinished:
            unfinished.callback(self.__exit__)
            with socket.create_server(("127.0.0.1", 0)) as probe:
                self.port = probe.getsockname()[1]
            self._prepare()
            self._start()
            unfinished.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop(self.STOP)
        shutil.rmtree(self._scratch, ignore_errors=True)

    def log_text(self) -> str:
        """Everything the server has logged."""
        log = self._scratch / "log"
        return log.read_text(errors="replace") if log.exists() else ""

    @abstractmethod
    def _prepare(self) -> None:
        """Make in the scratch folder what it starts from. The port is known."""

    @abstractmethod
    def _argv(self) -> list[str]:
        """The program and its arguments."""

    def _environment(self) -> dict[str, str]:
        return {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"}

    def _start(self) -> None:
        """Return once it listens; whatever an earlier start has logged does not count."""
        before = len(self.log_text())
        given = self._scratch / self.INPUT
        with (self._scratch / "log").open("ab") as log, given.open("rb") as stdin:
            self._server = self._processes.start(
                self._argv(), self._environment(),
                cwd=self._scratch, stdout=log, stderr=log, stdin=stdin, **self._as,
            )  # fmt: skip
        deadline = time.monotonic() + _START_SECONDS
        while self.READY not in self.log_text()[before:]:
            if self._server.poll() is not None:
                raise RuntimeError(f"{self.NAME} did not start: {self.log_text()[-500:]}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self.NAME} not ready in {_START_SECONDS:.0f} s")
            time.sleep(0.005)

    def _stop(self, how: signal.Signals) -> None:
        if self._server is None:
            return
        self._server.send_signal(how)
        try:
            self._server.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()

    def _become_nobody(self) -> bool:
        """From here on it runs as `nobody`, if this is root; whether it is."""
        if os.geteuid() != 0:
            return False
        nobody = pwd.getpwnam("nobody")
        self._as = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        os.chown(self._scratch, nobody.pw_uid, nobody.pw_gid)
        return True

    def _own(self, path: Path) -> None:
        if self._as:
            with contextlib.suppress(PermissionError):
                os.chown(path, self._as["user"], self._as["group"])

    def _run(self, argv: list[str], text: str = "") -> None:
        """Run a program that prepares it, as whom it will run."""
        subprocess.run(
            argv, input=text.encode(), env=self._environment(), cwd=self._scratch,
            check=True, capture_output=True, **self._as,
        )  # fmt: skip

    def _certify(self) -> tuple[Path, Path]:
        """Make the key and the certificate it shows."""
        made = make_certificates((HOST,), ("127.0.0.1", "::1"))
        key, certificate = self._scratch / "server.key", self._scratch / "server.pem"
        key.touch(mode=0o600)
        key.write_text(made.key_pem)
        certificate.write_text(made.certificate_pem)
        self._own(key)
        self.ca_pem = made.ca_pem
        return key, certificate

    def _document(self, engine: str, username: str, **more: str) -> dict[str, Any]:
        """A secret's JSON by which clients reach it, without the password."""
        tls = {"sslrootcert": self.ca_pem} if self.ca_pem else {"ssl": False}
        return {
            "engine": engine, "host": HOST, "port": self.port, "username": username, **more, **tls,
        }  # fmt: skip
