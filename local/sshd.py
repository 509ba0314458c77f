"""
A real OpenSSH server for tests, on a free port and without root's rights.

The system's own server is used where there is one, else the distribution's package, unpacked
(not installed) into the user's cache. Who its users are is said by a file of its own, which
nss_wrapper (https://cwrap.org/nss_wrapper.html) puts in the place of /etc/passwd: all of them are
this process's user, or `nobody` where that is root.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from local import packages
from local.packages import MissingError
from local.processes import Processes

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping

HOST = "127.0.0.1"
_PACKAGES = ("openssh-server", "libnss-wrapper")
_START_SECONDS = 20.0
_FILE = ".ssh/authorized_keys"


@dataclass(frozen=True)
class Installation:
    """Where the files are: below `/`, or below the folder that packages were unpacked into."""

    root: Path

    @property
    def server(self) -> Path:
        """The program; the system's, if there is one."""
        found = (root / "usr/sbin/sshd" for root in (Path("/"), self.root))
        return next((path for path in found if path.exists()), self.root / "usr/sbin/sshd")

    @property
    def wrapper(self) -> Path | None:
        """The library that reads users from another file."""
        return next(iter(sorted(self.root.glob("usr/lib*/*/libnss_wrapper.so"))), None)

    @property
    def usable(self) -> bool:
        """Whether all of it is there."""
        return self.server.exists() and self.wrapper is not None

    @property
    def parts(self) -> dict[str, Path]:
        """Programs that it is split into since 9.8, and the settings that say where they are."""
        base = self.server.parents[1] / "lib" / "openssh"
        known = {"SshdSessionPath": base / "sshd-session", "SshdAuthPath": base / "sshd-auth"}
        return {name: path for name, path in known.items() if path.exists()}


def find() -> Installation:
    """Return what is installed, else unpacked packages. Raises `MissingError`."""
    if not shutil.which("ssh"):
        raise MissingError("no ssh is here to judge by; install openssh-client")
    if (system := Installation(Path("/"))).usable:
        return system
    for folder in packages.cached("sshd"):
        if (cached := Installation(folder)).usable:
            return cached
    return Installation(packages.unpack("sshd", *_PACKAGES))


class Sshd:
    """One server on a free port. Use as a context manager. Raises `MissingError`."""

    def __init__(
        self,
        host: str = HOST,
        port: int = 0,
        host_key: str = "ed25519",
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self._settings = settings or {}
        self._kind = host_key
        self._stack = ExitStack()
        self.host, self.port = host, port

    def __enter__(self) -> Self:
        installed = find()
        with self._stack:
            # Where root's own folders are closed to others, one of all users' is not.
            self._folder = Path(
                self._stack.enter_context(tempfile.TemporaryDirectory(prefix="wickie-sshd-"))
            )
            self._folder.chmod(0o755)
            self._owner = self._stand_in()
            self._start(self._readable(installed))
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()

    def add_user(self, name: str, authorized_keys: str) -> Path:
        """Make a user whom these keys let in; return the file they stand in."""
        file = self._folder / name / _FILE
        file.parent.mkdir(parents=True)
        file.write_text(authorized_keys)
        file.chmod(0o600)
        for path in (file, file.parent, file.parent.parent):
            self._give(path)
        with (self._folder / "passwd").open("a") as users:
            users.write(f"{name}:x:{self._owner[0]}:{self._owner[1]}::{file.parents[1]}:/bin/sh\n")
        return file

    @property
    def known_hosts(self) -> str:
        """The line by which a client knows it."""
        words = (self._folder / "host_key.pub").read_text().split()
        return f"[{self.host}]:{self.port} {words[0]} {words[1]}\n"

    def log_text(self) -> str:
        """All that it has logged."""
        return (self._folder / "log").read_text(errors="replace")

    @staticmethod
    def _stand_in() -> tuple[int, int]:
        if os.geteuid():
            return os.getuid(), os.getgid()
        nobody = pwd.getpwnam("nobody")
        return nobody.pw_uid, nobody.pw_gid

    def _give(self, path: Path) -> None:
        if not os.geteuid():
            os.chown(path, *self._owner)

    def _readable(self, installed: Installation) -> Installation:
        """A copy of what is unpacked, where root's cache is closed to `nobody`."""
        if os.geteuid() or installed.root == Path("/"):
            return installed
        copy = self._folder / "installed"
        shutil.copytree(installed.root, copy, symlinks=True, ignore=_left_out)
        return Installation(copy)

    def _start(self, installed: Installation) -> None:
        with socket.socket() as free:
            free.bind((self.host, self.port))
            self.port = free.getsockname()[1]
        for name, text in {
            "passwd": "",
            "group": f"users:x:{self._owner[1]}:\n",
            "config": "".join(f"{k} {v}\n" for k, v in self._config(installed).items()),
        }.items():
            (self._folder / name).write_text(text)
        key = self._folder / "host_key"
        packages.run("ssh-keygen", "-q", "-t", self._kind, "-N", "", "-f", str(key))
        self._give(key)
        environment = {
            "LD_PRELOAD": str(installed.wrapper),
            "LD_LIBRARY_PATH": packages.libraries(installed.root),
            "NSS_WRAPPER_PASSWD": str(self._folder / "passwd"),
            "NSS_WRAPPER_GROUP": str(self._folder / "group"),
            "PATH": "/usr/bin:/bin",
        }
        user, group = self._owner
        identity: dict[str, Any] = {} if os.geteuid() else {"user": user, "group": group}
        log = self._stack.enter_context((self._folder / "log").open("wb"))
        processes = self._stack.enter_context(Processes())
        argv = [str(installed.server), "-D", "-e", "-f", str(self._folder / "config")]
        server = processes.start(
            argv, environment, stdout=log, stderr=log, cwd=self._folder, **identity
        )
        self._await(server)

    def _config(self, installed: Installation) -> dict[str, str]:
        penalties = {"PerSourcePenalties": "no"} if installed.parts else {}
        return {
            "ListenAddress": self.host,
            "Port": str(self.port),
            "HostKey": str(self._folder / "host_key"),
            "PidFile": "none",
            "UsePAM": "no",
            "PasswordAuthentication": "no",
            "KbdInteractiveAuthentication": "no",
            "MaxStartups": "200",
            "LogLevel": "VERBOSE",
            **{name: str(path) for name, path in installed.parts.items()},
            **penalties,
            **self._settings,
        }

    def _await(self, server: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while "Server listening" not in self.log_text():
            if server.poll() is not None or time.monotonic() > deadline:
                raise MissingError(f"sshd does not start here: {self.log_text()[-300:]}")
            time.sleep(0.02)


def _left_out(_folder: str, names: list[str]) -> set[str]:
    return {name for name in names if name in ("share", "etc", "systemd")}
