"""What the demo needs running: a local AWS, a PostgreSQL, a Prefect server, each a real one."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Self

from local import node
from local.postgres import Postgres
from local.processes import Processes
from local.world import ACCOUNT, REGION, World, environment

ROOT: Final = Path(__file__).resolve().parents[2]
FOLDER: Final = ROOT / "build" / "demo"
"""Where the demo leaves its summary, report and logs."""
_START_SECONDS: Final = 60


class StageError(Exception):
    """Something the demo needs did not do its part; the text says where to read why."""


class Stage:
    """The servers of one demo, ended together. Use as a context manager."""

    world: World
    """The local AWS, seen from outside: it runs in a process of its own."""
    postgres: Postgres

    def __init__(self, folder: Path = FOLDER) -> None:
        self.folder = folder

    def __enter__(self) -> Self:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.logs = self.folder / "logs"
        self.logs.mkdir(parents=True)
        with ExitStack() as stack:
            scratch = stack.enter_context(TemporaryDirectory(prefix="wickie-demo-"))
            self.scratch = Path(scratch)
            # After it, so ended before: they write there to the last.
            self.processes = stack.enter_context(Processes())
            self.world = World(self._start_aws(), self.scratch, processes=self.processes)
            self.postgres = stack.enter_context(Postgres(self.processes))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()

    def enter(self, manager: object) -> None:
        """Keep a further context manager open until the demo ends."""
        self._stack.enter_context(manager)  # type: ignore[arg-type]

    def environment(self, **more: str) -> dict[str, str]:
        """What the programs that the demo starts are told of their world."""
        return self.world.child_environment() | {"HOME": str(Path.home())} | more

    def bootstrap(self) -> None:
        """Run `cdk bootstrap` outside the project, where it need not synthesise the app first."""
        self._cdk("bootstrap", f"aws://{ACCOUNT}/{REGION}", log="cdk-bootstrap.log")

    def cdk(self, *arguments: str, log: str) -> None:
        """Run the unmodified CDK CLI. Raises `StageError` with the end of what it said."""
        self._cdk(*arguments, "--output", str(self.folder / "cdk.out"), log=log, folder=ROOT)

    def _cdk(self, *arguments: str, log: str, folder: Path | None = None) -> None:
        with (self.logs / log).open("w+b") as output:
            process = self.processes.start(
                node.command([*arguments, "--no-notices"]),
                node.environment(self.environment(WICKIE_CONFIG=str(self.folder / "wickie.yaml"))),
                cwd=folder or self.scratch,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            self._succeeded(process.wait(), f"cdk {arguments[0]}", log)

    def run(self, *command: str, log: str, **environment: str) -> None:
        """Run a program of the project to its end. Raises `StageError` if it fails."""
        with (self.logs / log).open("ab") as output:
            process = self.processes.start(
                [str(Path(sys.executable).parent / command[0]), *command[1:]],
                self.environment(**environment),
                cwd=ROOT,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            self._succeeded(process.wait(), command[0], log)

    def advance_clock(self, seconds: float) -> None:
        """Move the local AWS's time forward, so that schedules fire."""
        body = json.dumps({"advance": seconds}).encode()
        with urllib.request.urlopen(f"{self.world.endpoint}/local/clock", body):  # noqa: S310
            pass

    def _succeeded(self, status: int, what: str, log: str) -> None:
        if status:
            path = self.logs / log
            tail = "\n".join(path.read_text(errors="replace").splitlines()[-30:])
            raise StageError(f"{what} ended {status}; see {path}:\n{tail}")

    def _start_aws(self) -> str:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        endpoint = f"http://localhost:{port}"
        bare = {k: v for k, v in environment("").items() if k != "AWS_ENDPOINT_URL"}
        with (self.logs / "aws.log").open("wb") as log:
            process = self.processes.start(
                [sys.executable, "-m", "local", "--port", str(port)],
                World("", self.scratch).child_environment() | bare | {"TMPDIR": str(self.scratch)},
                cwd=ROOT,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and process.poll() is None:
            try:
                urllib.request.urlopen(f"{endpoint}/local/clock", timeout=5).close()  # noqa: S310
            except OSError:
                time.sleep(0.05)
            else:
                return endpoint
        raise StageError(f"the local AWS did not start; see {self.logs / 'aws.log'}")
