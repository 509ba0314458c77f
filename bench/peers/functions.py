"""
The samples' functions in this process, where the crash harness sees every call they make.

libpq is written in C and has sockets of its own, so the boundaries are around the three places
where PyGreSQL enters it: to connect, to execute, to close. A connection is cut for real, and it is
libpq's own error that the function gets to see.
"""

from __future__ import annotations

import importlib.util
import os
import socket
import sys
from functools import cache, partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from bench.faults.boundaries import fuse_here
from bench.faults.fuse import Call
from bench.faults.rotator import Rotator
from bench.peers.checkout import NAMES, checkout, driver

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bench.faults.arenas import Arena
    from bench.faults.aws import Aws
    from bench.faults.fuse import Fuse


def sample(aws: Aws, arena: Arena, strategy: str, *, second: bool = False) -> Rotator:
    """Make a rotator of a sample function. It has no errors of its own, so any may get through."""
    module = _load(NAMES[strategy])
    # Made once and not per event: clients are not made by several threads at a time.
    module.boto3 = SimpleNamespace(client=lambda *_, **__: aws.clients.secrets_manager)

    def step(event: Mapping[str, str], _seconds_left: Callable[[], float]) -> object:
        return module.lambda_handler(event, None)

    return Rotator(
        "postgres", strategy, aws, arena, step, raises=Exception, publishes=False, second=second
    )


@cache
def _load(name: str) -> Any:
    os.environ.setdefault("SECRETS_MANAGER_ENDPOINT", "")  # of the client that it does not make
    _watch_driver()
    file = checkout() / name / "lambda_function.py"
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None  # noqa: S101  (for the type checker)
    assert spec.loader is not None  # noqa: S101
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def _watch_driver() -> None:
    sys.path.append(str(driver()))
    importlib.import_module("pgdb")
    opening: Any = sys.modules["pgdb.connect"]
    opening.get_cnx = partial(_connect, opening.get_cnx)


def _connect(original: Callable[..., Any], *args: Any) -> Any:
    fuse = fuse_here()
    if fuse is None:
        return _Connection(original(*args))
    made: list[_Connection] = []

    def ask() -> _Connection:
        made.append(_Connection(original(*args)))
        fuse.sockets.add(made[0].wire)
        return made[0]

    def cut() -> Exception:
        for connection in made:
            connection.close()
        return _refused(original, args)

    return fuse.through(
        lambda number: Call(number, "connect", False, cut, lambda: _unanswered(original, args)),
        ask,
    )


def _refused(original: Callable[..., Any], args: tuple[Any, ...]) -> Exception:
    """What libpq raises where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    return _failure(original, args, port)


def _unanswered(original: Callable[..., Any], args: tuple[Any, ...]) -> Exception:
    """What libpq raises when `connect_timeout` is over, which the samples set."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return _failure(original, args, server.getsockname()[1])


def _failure(original: Callable[..., Any], args: tuple[Any, ...], port: int) -> Exception:
    information, *rest = args
    shown = " ".join(part for part in information.split() if not part.startswith("port="))
    shown = shown.replace("connect_timeout=5", "connect_timeout=2")
    try:
        original(f"{shown} port={port}", *rest)
    except Exception as error:  # noqa: BLE001  (it is what is asked for)
        return error
    raise AssertionError("a port where nobody answers let us in")


class _Wire(socket.socket):
    """libpq's socket by another descriptor: shut down, it is so for libpq too."""

    def detach(self) -> int:
        """Do what a kernel does for the dead; there is no descriptor left to close then."""
        self.cut()
        self.close()
        return -1

    def cut(self) -> None:
        """Let nothing through any more."""
        try:
            self.shutdown(socket.SHUT_RDWR)
        except OSError:  # the server was faster
            return


class _Connection:
    """PyGreSQL's connection to libpq; whatever is not named here goes straight through."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.wire = _Wire(fileno=os.dup(inner.fileno()))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def source(self) -> _Source:
        return _Source(self, self._inner.source())

    def close(self) -> None:
        self._inner.close()
        self.wire.close()


class _Source:
    """What executes statements."""

    def __init__(self, connection: _Connection, inner: Any) -> None:
        self._connection, self._inner = connection, inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def execute(self, sql: str) -> Any:
        fuse, ask = fuse_here(), partial(self._inner.execute, sql)
        if fuse is None:
            return ask()
        return fuse.through(
            lambda number: Call(
                number, "execute", False, self._cut, lambda: _cut_off_by_lambda(fuse)
            ),
            ask,
        )

    def _cut(self) -> Exception:
        self._connection.wire.cut()
        try:
            self._connection.source().execute("select 1")
        except Exception as error:  # noqa: BLE001  (it is what is asked for)
            return error
        raise AssertionError("a cut connection answered")


def _cut_off_by_lambda(fuse: Fuse) -> Exception:
    """The samples limit no statement: whoever waits for an answer waits for Lambda's timeout."""
    fuse.die()
    raise AssertionError("unreachable")
