"""
A real container registry for tests, on loopback, started in a moment and leaving nothing.

The system's own `docker-registry` is used where there is one, else the distribution's package,
unpacked (not installed) into the user's cache.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import json
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Self
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from local.packages import MissingError, cached, unpack
from local.processes import Processes
from wickie.credentials import Sensitive

_PACKAGE = "docker-registry"
_START_SECONDS = 20.0
_USER = "scanner"


def find() -> Path:
    """The program. Raises `MissingError`."""
    if system := shutil.which(_PACKAGE):
        return Path(system)
    for root in cached(_PACKAGE):
        if (program := root / "usr/bin" / _PACKAGE).exists():
            return program
    return unpack(_PACKAGE, _PACKAGE) / "usr/bin" / _PACKAGE


class Registry:
    """One registry on a free port; with `locked`, for one user alone. Use as a context manager."""

    address: str
    """Host and port, as references of images begin."""
    username = _USER

    def __init__(self, *, locked: bool = False) -> None:
        self.password = Sensitive(secrets.token_urlsafe(16))
        self._locked = locked
        self._program = find()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="wickie-oci-")))
            with socket.create_server(("127.0.0.1", 0)) as taken:
                self.address = f"127.0.0.1:{taken.getsockname()[1]}"
            processes = stack.enter_context(Processes())
            argv = [str(self._program), "serve", str(self._configure(folder))]
            with (folder / "log").open("wb") as log:
                processes.start(argv, {}, cwd=folder, stdout=log, stderr=subprocess.STDOUT)
            self._wait(folder / "log")
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _configure(self, folder: Path) -> Path:
        settings = {
            "version": "0.1",
            "log": {"accesslog": {"disabled": True}},
            "storage": {"filesystem": {"rootdirectory": str(folder / "content")}},
            "http": {"addr": self.address, "secret": secrets.token_hex(16)},
        }
        if self._locked:
            users = folder / "htpasswd"
            users.write_text(f"{self.username}:{_bcrypt(self.password)}\n")
            settings["auth"] = {"htpasswd": {"realm": "registry", "path": str(users)}}
        path = folder / "registry.json"
        path.write_text(json.dumps(settings))  # JSON is YAML too
        return path

    def _wait(self, log: Path) -> None:
        limit = time.monotonic() + _START_SECONDS
        while time.monotonic() < limit:
            try:
                with urlopen(f"http://{self.address}/v2/", timeout=1):
                    return
            except HTTPError:  # it asks for the password, so it is there
                return
            except (URLError, OSError):
                time.sleep(0.05)
        raise MissingError(f"docker-registry does not start: {log.read_text()[-300:]}")


def _bcrypt(password: Sensitive) -> str:
    """The only hash that the registry takes; by the C library, since Python has none."""
    name = ctypes.util.find_library("crypt")
    if not name:
        raise MissingError("no libcrypt is here to hash the registry's password with")
    crypt = ctypes.CDLL(name).crypt
    crypt.restype = ctypes.c_char_p
    alphabet = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    salt = "".join(secrets.choice(alphabet) for _ in range(21)) + "u"
    hashed = crypt(password.reveal().encode(), f"$2b$05${salt}".encode())
    if not hashed or not hashed.startswith(b"$2b$"):
        raise MissingError("this libcrypt knows no bcrypt")
    return str(hashed.decode())
