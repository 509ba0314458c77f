"""A real Prefect server and a real prefect-aws worker, for tests and the demo."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import sysconfig
import tempfile
import time
import urllib.request
from contextlib import closing, suppress
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from local.processes import Processes

_PATIENCE = 120.0
_QUIET = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_CLI_PROMPT": "false",
    "DO_NOT_TRACK": "1",
}


class PrefectServer:
    """
    A server with its UI and a database of its own in `home`, ended with the `with`.

    Entering does not wait, as its start takes seconds that something else may use; `wait` does.
    `auth_string` is the user:password that it asks of its clients, if it is to ask for any.
    """

    def __init__(self, processes: Processes, home: Path, auth_string: str = "") -> None:
        self._processes = processes
        self._home = home
        self._auth = {"PREFECT_SERVER_API_AUTH_STRING": auth_string} if auth_string else {}
        self._port = _free_port()

    @property
    def ui_url(self) -> str:
        """Where a browser finds it."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def api_url(self) -> str:
        """What PREFECT_API_URL is for its clients."""
        return f"{self.ui_url}/api"

    def environment(self) -> dict[str, str]:
        """
        The variables with which a Prefect client finds this server.

        None of the server's own settings: a worker hands its settings down to every flow.
        """
        return {
            "PREFECT_API_URL": self.api_url,
            "PREFECT_HOME": str(self._home / "client"),
            **_QUIET,
        }

    def wait(self) -> None:
        """Return once it answers. Raises `RuntimeError` if it ends or takes two minutes."""
        _until(
            lambda: _answers(f"{self.api_url}/health"), self._process, self._log, "Prefect's server"
        )

    def __enter__(self) -> Self:
        self._home.mkdir(parents=True, exist_ok=True)
        copy_migrated_database(self._processes, self._home / "prefect.db")
        self._log = self._home / "server.log"
        with self._log.open("wb") as log:
            self._process = self._processes.start(
                [_program("prefect"), "server", "start", "--port", str(self._port)],
                env=_bare_environment(self._home) | {"PREFECT_HOME": str(self._home)} | self._auth,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self

    def __exit__(self, *exc: object) -> None:
        _end(self._process)


class EcsWorker:
    """
    prefect-aws's worker: takes flow runs of a work pool to ECS, and watches how tasks end.

    `aws` is the environment by which it finds AWS, `queue` the one that EventBridge puts the
    task events into. Entering does not wait; `wait` does.
    """

    def __init__(
        self,
        processes: Processes,
        server: PrefectServer,
        home: Path,
        *,
        pool: str,
        queue: str,
        aws: Mapping[str, str],
    ) -> None:
        self._processes = processes
        self._server = server
        self._home = home
        self._pool = pool
        self._settings = dict(aws) | {
            "PREFECT_INTEGRATIONS_AWS_ECS_OBSERVER_SQS_QUEUE_NAME": queue,
            "PREFECT_WORKER_QUERY_SECONDS": "1",
        }

    def wait(self) -> None:
        """Return once it polls. Raises `RuntimeError` if it ends or takes two minutes."""
        _until(self._online, self._process, self._log, "Prefect's worker")

    def __enter__(self) -> Self:
        self._home.mkdir(parents=True, exist_ok=True)
        self._log = self._home / "worker.log"
        own = _bare_environment(self._home) | self._server.environment() | self._settings
        with self._log.open("wb") as log:
            self._process = self._processes.start(
                [
                    _program("prefect"),
                    *("worker", "start", "--pool", self._pool, "--type", "ecs"),
                    *("--name", "local", "--install-policy", "never"),
                    "--no-create-pool-if-not-found",
                ],
                env=own | {"PREFECT_HOME": str(self._home)},
                cwd=self._home,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self

    def __exit__(self, *exc: object) -> None:
        _end(self._process)

    def _online(self) -> bool:
        url = f"{self._server.api_url}/work_pools/{self._pool}/workers/filter"
        return any(worker["status"] == "ONLINE" for worker in _answers(url, {}) or ())


def copy_migrated_database(processes: Processes, destination: Path) -> None:
    """
    Give a server a database that is migrated already: a hundred migrations take half a minute.

    Made once per user and Prefect version by Prefect's own command, before anything is in it.
    """
    cached = _cache() / f"prefect-{version('prefect')}.db"
    with suppress(OSError):  # a cache that cannot be written to: the server migrates by itself
        if not cached.exists():
            cached.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=cached.parent) as home:
                _migrate(processes, Path(home))
                Path(home, "whole.db").replace(cached)
        shutil.copyfile(cached, destination)


def _migrate(processes: Processes, home: Path) -> None:
    log = home / "migrate.log"
    with log.open("wb") as output:
        process = processes.start(
            [_program("prefect"), "server", "database", "upgrade", "--yes"],
            env=_bare_environment(home) | {"PREFECT_HOME": str(home)},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        status = process.wait()
    if status:
        raise RuntimeError(f"Prefect cannot make its database:\n{log.read_text()[-2000:]}")
    with closing(sqlite3.connect(home / "prefect.db")) as database:
        database.execute("VACUUM INTO ?", [str(home / "whole.db")])  # leaves no -wal beside it


def _cache() -> Path:
    if directory := os.environ.get("XDG_CACHE_HOME"):
        return Path(directory) / "wickie"
    caches = "Library/Caches" if sys.platform == "darwin" else ".cache"
    return Path.home() / caches / "wickie"


def _bare_environment(home: Path) -> dict[str, str]:
    passed = {name: os.environ[name] for name in ("PATH", "LANG", "TZ") if name in os.environ}
    return passed | _QUIET | {"HOME": str(home)}


def _program(name: str) -> str:
    return str(Path(sysconfig.get_path("scripts")) / name)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _answers(url: str, body: object = None) -> Any:
    """What the server answers; None while it does not."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})  # noqa: S310  (our own server)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
            return json.load(answer)
    except (OSError, ValueError):
        return None


def _until(ready: Callable[[], Any], process: subprocess.Popen[bytes], log: Path, who: str) -> None:
    end = time.monotonic() + _PATIENCE
    while process.poll() is None and time.monotonic() < end:
        if ready():
            return
        time.sleep(0.1)
    what = "is not ready" if process.poll() is None else "ended"
    raise RuntimeError(f"{who} {what}; the end of {log}:\n{log.read_text()[-2000:]}")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
