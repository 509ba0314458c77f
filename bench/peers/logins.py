"""How long what a client reads is refused during a rotation: wickie and the samples."""

from __future__ import annotations

import json
import tempfile
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bench.faults.arenas.postgres import without_tls
from bench.function import Account
from bench.peers.checkout import NAMES, folder
from local.server import LocalAws
from stacks.packaging import build

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bench.faults.arenas.postgres import PostgresArena
    from bench.function import Function

TITLE: Final = "Logins during rotation, 20 a second, each with what is AWSCURRENT at that moment"
_ROTATIONS: Final = 20
_PAUSE: Final = 0.05
_BETWEEN: Final = 0.3


@dataclass(frozen=True)
class _Login:
    began: float
    ended: float
    honoured: bool


def table() -> list[dict[str, Any]]:
    """One row for each function."""
    with (
        tempfile.TemporaryDirectory() as scratch,
        LocalAws() as aws,
        without_tls(logged=False) as arena,
    ):
        account, ours = Account(aws), build("postgres", Path(scratch))
        return [
            _row(f"{side}, {strategy}", account, arena, function)
            for strategy in NAMES
            for side, function in (
                ("wickie", account.wickie(ours, strategy)),
                ("sample", account.sample(folder(strategy))),
            )
        ]


def _row(title: str, account: Account, arena: PostgresArena, function: Function) -> dict[str, Any]:
    master = account.store(arena.master())
    secret = account.store(json.dumps(json.loads(arena.secret()) | {"masterarn": master}))
    with function:
        account.rotate(secret, function)  # from here on it is warm
        with _logging_in(lambda: arena.honours(account.read(secret))) as logins:
            for _ in range(_ROTATIONS):
                time.sleep(_BETWEEN)
                account.rotate(secret, function)
    windows = _windows(logins)
    return {
        "function": title,
        "rotations": _ROTATIONS,
        "logins": len(logins),
        "refused": sum(not login.honoured for login in logins),
        "rotations that had any refused": len(windows),
        "longest window": f"{max(windows, default=0) * 1000:.0f} ms",
    }


@contextmanager
def _logging_in(sign_in: Callable[[], bool]) -> Iterator[list[_Login]]:
    logins: list[_Login] = []
    over = threading.Event()

    def go_on() -> None:
        due = time.perf_counter()
        while not over.is_set():
            began = time.perf_counter()
            honoured = sign_in()
            logins.append(_Login(began, time.perf_counter(), honoured))
            due += _PAUSE
            time.sleep(max(0, due - time.perf_counter()))

    client = threading.Thread(target=go_on)
    client.start()
    try:
        yield logins
    finally:
        over.set()
        client.join()


def _windows(logins: list[_Login]) -> list[float]:
    """Seconds from the start of each first login that was refused to the end of the next good."""
    found: list[float] = []
    refused: _Login | None = None
    for login in logins:
        if not login.honoured:
            refused = refused or login
        elif refused:
            found.append(login.ended - refused.began)
            refused = None
    return found
