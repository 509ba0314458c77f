"""
A real FerretDB server for tests, which speaks MongoDB's protocol, leaving nothing.

It is Go, kept in SQLite files, and found in the user's cache, where `python -m local.ferretdb`
builds it: that takes minutes, so no test does.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from local.certificates import make_certificates
from local.processes import Processes
from wickie.credentials import DatabaseLogin, Sensitive

_VERSION = "1.24.0"
_MODULE = f"github.com/FerretDB/FerretDB@v{_VERSION}"
_START_SECONDS = 30.0


def program() -> Path | None:
    """Where FerretDB is, if it is here."""
    cached = Path.home() / ".cache" / "wickie" / f"ferretdb-{_VERSION}" / "ferretdb"
    return cached if cached.exists() else None


def install() -> Path:
    """Build it. `go install` would leave out the version, without which it does not start."""
    target = Path.home() / ".cache" / "wickie" / f"ferretdb-{_VERSION}" / "ferretdb"
    go = shutil.which("go")
    if go is None:
        raise RuntimeError("Go is not installed; FerretDB is built with it")
    with tempfile.TemporaryDirectory() as scratch:
        argv = [go, "mod", "download", "-json", _MODULE]
        found = subprocess.run(argv, check=True, cwd=scratch, capture_output=True)
        folder = json.loads(found.stdout)["Dir"]
        source = Path(shutil.copytree(folder, f"{scratch}/source", copy_function=shutil.copyfile))
        for path in (source, *source.rglob("*")):
            path.chmod(0o755)
        (source / "build" / "version" / "version.txt").write_text(f"v{_VERSION}\n")
        target.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            [go, "build", "-trimpath", "-o", target, "./cmd/ferretdb"], cwd=source, check=True
        )
    return target


class FerretDb:
    """One server on a free port, over TLS alone. Use as a context manager."""

    admin: DatabaseLogin

    def __init__(self) -> None:
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._start(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def _start(self, stack: ExitStack) -> None:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        made = make_certificates(["localhost"])
        (scratch / "cert.pem").write_text(made.certificate_pem)
        (scratch / "key.pem").write_text(made.key_pem)
        (scratch / "data").mkdir()
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        password = Sensitive(secrets.token_urlsafe(24))
        options = {
            "handler": "sqlite",
            "sqlite-url": f"file:{scratch}/data/",
            "state-dir": str(scratch),
            "listen-addr": "",
            "listen-tls": f"127.0.0.1:{port}",
            "listen-tls-cert-file": str(scratch / "cert.pem"),
            "listen-tls-key-file": str(scratch / "key.pem"),
            "debug-addr": "-",
            "telemetry": "disable",
            "setup-username": "admin",
            "setup-database": "admin",
        }
        processes = stack.enter_context(Processes())
        processes.start(
            [str(program()), "--test-enable-new-auth"]
            + [f"--{name}={value}" for name, value in options.items()],
            {"PATH": os.environ["PATH"], "FERRETDB_SETUP_PASSWORD": password.reveal()},
            cwd=scratch,
            stdout=(scratch / "log").open("wb"),
            stderr=subprocess.STDOUT,
        )
        document: dict[str, Any] = {
            "engine": "mongo",
            "host": "localhost",
            "port": port,
            "username": "admin",
            "sslrootcert": made.ca_pem,
        }
        self.log = scratch / "log"
        self.admin = DatabaseLogin("mongo", "localhost", "admin", password, port, document=document)
        self._wait(port)

    def _wait(self, port: int) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
            except OSError:
                if time.monotonic() > deadline:
                    raise RuntimeError(f"FerretDB did not start:\n{self.log.read_text()}") from None
                time.sleep(0.05)
            else:
                return


if __name__ == "__main__":
    sys.stdout.write(f"{install()}\n")
