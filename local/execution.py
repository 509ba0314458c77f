"""Execution environments: the processes that functions run in, and what they see on disk."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import math
import os
import select
import subprocess
import sys
import tempfile
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local import bootstrap

if TYPE_CHECKING:
    from local.world import World

_MARK = "LOCAL_LAMBDA_ENVIRONMENT"
_INIT_SECONDS = 10.0  # Lambda grants these to imports before the function's own timeout begins
_RUNTIME = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3")


@dataclass(frozen=True)
class Settings:
    """What of a function decides whether a process started for it still serves it."""

    function_arn: str
    version: str
    task_root: Path
    timeout: float
    memory_size: int
    role: str
    variables: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Outcome:
    """What one invocation came to; `log` has AWS's START, END and REPORT lines."""

    payload: str
    failed: bool
    log: str
    reusable: bool


class Environment:
    """One process, answering one event at a time, as Lambda's execution environments do."""

    def __init__(self, world: World, settings: Settings, variables: dict[str, str]) -> None:
        self.settings = settings
        self._world = world
        self._id = uuid.uuid4().hex
        self.log_stream = f"{time.strftime('%Y/%m/%d')}/[{settings.version}]{self._id}"
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  (nameless, and ends with this)
        self._reported = 0
        receive, send = os.pipe()
        paths = (str(settings.task_root), str(_runtime_packages(world.scratch)))
        self._process = world.processes.start(
            (sys.executable, "-I", "-S", bootstrap.__file__, str(send), *paths),
            env=self._environ(variables),
            cwd=settings.task_root,
            stdin=subprocess.PIPE,
            stdout=self._log,
            stderr=self._log,
            pass_fds=(send,),
        )
        os.close(send)
        self._answers = os.fdopen(receive)
        self._events: Any = self._process.stdin
        self._init = self._await(_INIT_SECONDS)

    def invoke(self, event: Any, request_id: str) -> Outcome:
        """Have the handler answer `event`; at its timeout all that it started is killed."""
        began = time.monotonic()
        answer = self._init
        if "ready" in answer:
            self._send(event, request_id)
            answer = self._await(self.settings.timeout)
        if fatal := answer.get("fatal"):
            message = f"RequestId: {request_id} Error: {fatal['errorMessage']}"
            answer = {"error": fatal | {"errorMessage": message}}
        log = self._report(request_id, (time.monotonic() - began) * 1000, fatal)
        if reusable := "ready" in self._init and not fatal:
            self._init = {"ready": True}
        else:
            self.kill()
        failed = "error" in answer
        return Outcome(
            json.dumps(answer["error"]) if failed else answer["result"], failed, log, reusable
        )

    @property
    def alive(self) -> bool:
        """Whether it may be given another event."""
        return self._process.poll() is None

    def kill(self) -> None:
        """End the process and all that it started."""
        self._world.processes.kill(_MARK, self._id)
        self._process.wait()

    def _environ(self, variables: dict[str, str]) -> dict[str, str]:
        return (
            variables
            | dict(self.settings.variables)
            | {
                "LAMBDA_TASK_ROOT": str(self.settings.task_root),
                "AWS_LAMBDA_LOG_STREAM_NAME": self.log_stream,
                _MARK: self._id,
            }
        )

    def _send(self, event: Any, request_id: str) -> None:
        request = {
            "id": request_id,
            "arn": self.settings.function_arn,
            "deadline": time.time() + self.settings.timeout,
            "event": event,
        }
        # A process that died meanwhile is seen when its answer is awaited.
        with contextlib.suppress(BrokenPipeError):
            self._events.write(json.dumps(request).encode() + b"\n")
            self._events.flush()

    def _await(self, seconds: float) -> dict[str, Any]:
        """The next answer; if none comes, the error by which AWS names the reason."""
        ready, _, _ = select.select([self._answers], [], [], seconds)
        if not ready:
            message = f"Task timed out after {seconds:.2f} seconds"
            return {"fatal": {"errorType": "Sandbox.Timedout", "errorMessage": message}}
        if line := self._answers.readline():
            answer: dict[str, Any] = json.loads(line)
            return answer
        status = self._process.wait()
        reason = f"exit status {status}" if status >= 0 else f"signal: {-status}"
        message = f"Runtime exited with error: {reason}"
        return {"fatal": {"errorType": "Runtime.ExitError", "errorMessage": message}}

    def _report(self, request_id: str, milliseconds: float, fatal: dict[str, str] | None) -> str:
        # The process shares our position in the file: so neither seek nor truncate it.
        size = os.fstat(self._log.fileno()).st_size
        written = os.pread(self._log.fileno(), size - self._reported, self._reported)
        self._reported = size
        output = written.decode(errors="replace")
        if fatal:
            output += f"{fatal['errorType']} {fatal['errorMessage']}\n"
        return (
            f"START RequestId: {request_id} Version: {self.settings.version}\n"
            f"{output}{'' if output.endswith(chr(10)) or not output else chr(10)}"
            f"END RequestId: {request_id}\n"
            f"REPORT RequestId: {request_id}\tDuration: {milliseconds:.2f} ms\t"
            f"Billed Duration: {math.ceil(milliseconds)} ms\t"
            f"Memory Size: {self.settings.memory_size} MB"
        )


def _runtime_packages(scratch: Path) -> Path:
    """A directory with what Lambda's Python runtime holds beside the standard library."""
    directory = scratch / "lambda-runtime"
    directory.mkdir(exist_ok=True)
    for name in _RUNTIME:
        spec = importlib.util.find_spec(name)
        if spec and spec.origin:
            origin = Path(spec.origin)
            origin = origin.parent if spec.submodule_search_locations else origin
            with contextlib.suppress(FileExistsError):
                (directory / origin.name).symlink_to(origin)
    return directory
