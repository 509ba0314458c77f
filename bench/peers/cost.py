"""What it costs to start and to upload: wickie's functions and the samples."""

from __future__ import annotations

import resource
import statistics
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bench.faults.arenas.postgres import without_tls
from bench.function import Account
from bench.peers.checkout import NAMES, folder
from bench.rotation import cold_step, warm_steps
from local.server import LocalAws
from stacks.packaging import archive, build

if TYPE_CHECKING:
    from collections.abc import Callable

TITLE: Final = "Cost: wickie and AWS's samples, PostgreSQL without TLS"
_COLD_RUNS: Final = 15
_WARM_RUNS: Final = 15


def table() -> list[dict[str, Any]]:
    """Cold and warm steps of single-user, and the sizes of all zips."""
    with (
        tempfile.TemporaryDirectory() as scratch,
        LocalAws() as aws,
        without_tls(logged=False) as arena,
    ):
        account = Account(aws)
        ours, theirs = build("postgres", Path(scratch)), folder("single-user")
        sides = [
            (account.wickie(ours, "single-user"), account.store(arena.secret())),
            (account.sample(theirs), account.store(arena.secret())),
        ]
        cold: list[list[float]] = [[], []]
        work: list[list[float]] = [[], []]
        for _ in range(_COLD_RUNS):
            for side, (function, secret) in enumerate(sides):
                before = _worked()
                cold[side].append(cold_step(account, secret, function))
                work[side].append(_worked() - before)
        warm = [
            [sum(steps) for steps in zip(*_warm(account, secret, function), strict=True)]
            for function, secret in sides
        ]
        sizes = [len(archive(ours)), *(len(archive(folder(strategy))) for strategy in NAMES)]
    return [
        _row("new process, import and createSecret", _ms, *map(statistics.median, cold)),
        _row("the same, CPU time of the process", _ms, *map(statistics.median, work)),
        _row("the four steps, warm", _ms, *map(statistics.median, warm)),
        *(
            _row(f"zip without boto3, {strategy}", _kb, sizes[0], size)
            for strategy, size in zip(NAMES, sizes[1:], strict=True)
        ),
    ]


def _worked() -> float:
    """CPU seconds of the processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _warm(account: Account, secret: str, function: Any) -> list[list[float]]:
    return list(warm_steps(account, secret, function, _WARM_RUNS).values())


def _row(title: str, shown: Callable[[float], str], ours: float, theirs: float) -> dict[str, Any]:
    ratio = f"{ours / theirs:.2f}x"
    return {"what": title, "wickie": shown(ours), "sample": shown(theirs), "ratio": ratio}


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


def _kb(size: float) -> str:
    return f"{size / 1000:.0f} kB"
