"""
A real MariaDB server for tests.

The system's own server is used where there is one, else the distribution's package, unpacked
(not installed) into the user's cache.
"""

from __future__ import annotations

import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from local import packages
from local.daemon import HOST, Daemon
from wickie.credentials import DatabaseLogin, Sensitive
from wickie.providers.mypassword import native_hash

if TYPE_CHECKING:
    from local.processes import Processes

MissingError = packages.MissingError

_STATEMENTS = "statements.log"
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


class MariaDB(Daemon):
    """One server on a free port. Use as a context manager. Raises `MissingError`."""

    NAME: ClassVar[str] = "MariaDB"
    READY: ClassVar[str] = "ready for connections"

    admin: DatabaseLogin
    """It may do everything; `document` says how TLS is to be done, so it fits into a secret."""

    def __init__(self, processes: Processes | None = None, *, tls: bool = True) -> None:
        super().__init__(processes)
        self._tls = tls
        self._settings = dict(_THROWAWAY)

    def log_text(self) -> str:
        """Everything the server has logged, every statement among it."""
        statements = self._scratch / "data" / _STATEMENTS
        more = statements.read_text(errors="replace") if statements.exists() else ""
        return super().log_text() + more

    def _prepare(self) -> None:
        self._files = find()
        if self._become_nobody() and self._files.root != Path("/"):
            # root's cache is for root's eyes
            shutil.copytree(self._files.root, self._scratch / "root", symlinks=True)
            self._files = Installation(self._scratch / "root")
        self._initialise()
        if self._tls:
            key, certificate = self._certify()
            self._settings |= {"ssl-key": str(key), "ssl-cert": str(certificate)}
        password = Sensitive(secrets.token_urlsafe(24))
        first = self._scratch / "first.sql"
        first.write_text(
            f"create user admin@'%' identified by password '{native_hash(password.reveal())}';\n"
            "grant all privileges on *.* to admin@'%' with grant option;\n"
        )
        self._settings |= {
            "port": str(self.port),
            "bind-address": "127.0.0.1",
            "socket": str(self._scratch / "socket"),
            "init-file": str(first),
        }
        document = self._document("mariadb", "admin")
        self.admin = DatabaseLogin("mariadb", HOST, "admin", password, self.port, document=document)

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
        self._run([*self._program(), "--bootstrap", "--log-warnings=0"], "\n".join(sql))

    def _argv(self) -> list[str]:
        return [*self._program(), *(f"--{name}={value}" for name, value in self._settings.items())]

    def _program(self) -> list[str]:
        folders = [f"--datadir={self._scratch / 'data'}"]
        if self._files.root != Path("/"):
            plugins = self._files.root / "usr/lib/mysql/plugin"
            folders += [f"--lc-messages-dir={self._files.share}", f"--plugin-dir={plugins}"]
        return [str(self._files.server), "--no-defaults", *folders]

    def _environment(self) -> dict[str, str]:
        libraries = packages.libraries(self._files.root)
        return super()._environment() | ({"LD_LIBRARY_PATH": libraries} if libraries else {})
