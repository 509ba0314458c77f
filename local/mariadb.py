"""
A real MariaDB server for tests, started in a moment and leaving nothing.

The system's own server is used where there is one, else the distribution's package, unpacked
(not installed) into the user's cache. MariaDB refuses to run as root, so root starts it as
`nobody`.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from local import packages
from local.certificates import make_certificates
from local.processes import Processes
from wickie.credentials import DatabaseLogin, Sensitive
from wickie.providers.mypassword import native_hash

MissingError = packages.MissingError

_HOST = "localhost"
_READY = "ready for connections"
_STATEMENTS = "statements.log"
_START_SECONDS = 30.0
_THROWAWAY = {
    "innodb-flush-log-at-trx-commit": "0",
    "innodb-buffer-pool-size": "16M",
    "innodb-log-file-size": "4M",
    "aria-pagecache-buffer-size": "1M",
    "key-buffer-size": "1M",
    "performance-schema": "OFF",
    "skip-name-resolve": "ON",
    "general-log": "ON",
    "general-log-file": _STATEMENTS,
}
_PACKAGE = "mariadb-server-core"
# What the package's own mariadb-install-db feeds to the server, in its order.
_SYSTEM_TABLES = (
    "mysql_system_tables.sql",
    "mysql_performance_tables.sql",
    "mysql_system_tables_data.sql",
    "maria_add_gis_sp_bootstrap.sql",
    "mysql_sys_schema.sql",
)


@dataclass(frozen=True)
class Installation:
    """Where a server's files are: below `/`, or below the folder a package was unpacked into."""

    root: Path

    @property
    def server(self) -> Path:
        """The program."""
        return next(
            (p for d in ("usr/sbin", "usr/bin") if (p := self.root / d / "mariadbd").exists()),
            self.root / "usr/sbin/mariadbd",
        )

    @property
    def share(self) -> Path:
        """Its messages, and the SQL that makes the system tables."""
        folders = [self.root / "usr/share" / name for name in ("mysql", "mariadb")]
        return next((f for f in folders if (f / _SYSTEM_TABLES[0]).exists()), folders[0])

    @property
    def usable(self) -> bool:
        """Whether all of it is there."""
        return self.server.exists() and (self.share / _SYSTEM_TABLES[0]).exists()


def find() -> Installation:
    """Return the system's server, else the unpacked package. Raises `MissingError`."""
    if (system := Installation(Path("/"))).usable:
        return system
    for folder in packages.cached("mariadb"):
        if (cached := Installation(folder)).usable:
            return cached
    return Installation(packages.unpack("mariadb", _PACKAGE))


class MariaDB:
    """One server on a free port. Use as a context manager. Raises `MissingError`."""

    admin: DatabaseLogin
    """It may do everything; `document` says how TLS is to be done, so it fits into a secret."""
    ca_pem: str | None = None
    """The CA that signed its certificate; None where it offers no TLS."""

    def __init__(
        self,
        processes: Processes | None = None,
        *,
        tls: bool = True,
    ) -> None:
        self.port = 0
        self._processes = processes or Processes()
        self._tls = tls
        self._settings = dict(_THROWAWAY)
        self._server: subprocess.Popen[bytes] | None = None
        self._as: dict[str, Any] = {}

    def __enter__(self) -> Self:
        self._files = find()
        self._scratch = Path(tempfile.mkdtemp(prefix="wickie-mariadb-"))
        with ExitStack() as unfinished:
            unfinished.callback(self.__exit__)
            self._become_unprivileged()
            self._initialise()
            self._start()
            unfinished.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        if self._server is not None:
            self._server.terminate()
            try:
                self._server.wait(5)
            except subprocess.TimeoutExpired:
                self._server.kill()
                self._server.wait()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def log_text(self) -> str:
        """Everything the server has logged, every statement among it."""
        logs = (self._scratch / "log", self._scratch / "data" / _STATEMENTS)
        return "".join(log.read_text(errors="replace") for log in logs if log.exists())

    def _become_unprivileged(self) -> None:
        if os.geteuid() != 0:
            return
        nobody = pwd.getpwnam("nobody")
        self._as = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        os.chown(self._scratch, nobody.pw_uid, nobody.pw_gid)
        if self._files.root != Path("/"):  # root's cache is for root's eyes
            shutil.copytree(self._files.root, self._scratch / "root", symlinks=True)
            self._files = Installation(self._scratch / "root")

    def _initialise(self) -> None:
        data = self._scratch / "data"
        for folder in (data, data / "mysql"):
            folder.mkdir(mode=0o700)
            self._own(folder)
        # As mariadb-install-db --skip-test-db --auth-root-authentication-method=normal does.
        head = "set @auth_root_socket = null, @current_hostname = 'localhost'"
        sql = [f"use mysql;\n{head}, @skip_auth_anonymous = 1;\n"]
        scripts = (self._files.share / name for name in _SYSTEM_TABLES)
        sql += [script.read_text() for script in scripts if script.exists()]
        subprocess.run(
            [*self._command(), "--bootstrap", "--log-warnings=0"],
            input="\n".join(sql).encode(), env=self._environment(), cwd=self._scratch,
            check=True, capture_output=True, **self._as,
        )  # fmt: skip
        if self._tls:
            self._offer_tls()

    def _offer_tls(self) -> None:
        certificates = make_certificates((_HOST,), ("127.0.0.1", "::1"))
        key, certificate = self._scratch / "server.key", self._scratch / "server.pem"
        key.touch(mode=0o600)
        key.write_text(certificates.key_pem)
        certificate.write_text(certificates.certificate_pem)
        self._own(key)
        self._settings |= {"ssl-key": str(key), "ssl-cert": str(certificate)}
        self.ca_pem = certificates.ca_pem

    def _start(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        password = Sensitive(secrets.token_urlsafe(24))
        first = self._scratch / "first.sql"
        first.write_text(
            f"create user admin@'%' identified by password '{native_hash(password.reveal())}';\n"
            "grant all privileges on *.* to admin@'%' with grant option;\n"
        )
        settings = self._settings | {
            "port": str(self.port),
            "bind-address": "127.0.0.1",
            "socket": str(self._scratch / "socket"),
            "init-file": str(first),
        }
        arguments = [f"--{name}={value}" for name, value in settings.items()]
        with (self._scratch / "log").open("wb") as log:
            self._server = self._processes.start(
                [*self._command(), *arguments], self._environment(),
                cwd=self._scratch, stdout=log, stderr=log, stdin=subprocess.DEVNULL, **self._as,
            )  # fmt: skip
        self._await_ready()
        tls = {"sslrootcert": self.ca_pem} if self.ca_pem else {"ssl": False}
        document = {
            "engine": "mariadb", "host": _HOST, "port": self.port, "username": "admin", **tls,
        }  # fmt: skip
        self.admin = DatabaseLogin(
            "mariadb", _HOST, "admin", password, self.port, document=document
        )

    def _await_ready(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while _READY not in self.log_text():
            if self._server is None or self._server.poll() is not None:
                raise RuntimeError(f"MariaDB did not start: {self.log_text()[-500:]}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"MariaDB not ready in {_START_SECONDS:.0f} s")
            time.sleep(0.01)

    def _command(self) -> list[str]:
        folders = [f"--datadir={self._scratch / 'data'}"]
        if self._files.root != Path("/"):
            plugins = self._files.root / "usr/lib/mysql/plugin"
            folders += [f"--lc-messages-dir={self._files.share}", f"--plugin-dir={plugins}"]
        return [str(self._files.server), "--no-defaults", *folders]

    def _environment(self) -> dict[str, str]:
        inherited = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"}
        libraries = packages.libraries(self._files.root)
        return inherited | ({"LD_LIBRARY_PATH": libraries} if libraries else {})

    def _own(self, path: Path) -> None:
        if self._as:
            os.chown(path, self._as["user"], self._as["group"])
