"""What the `rotate-fleet` flow costs over a bare asyncio loop that makes the same API calls."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bench.fleet_side import AT_ONCE
from local.prefect import PrefectServer
from local.processes import Processes
from local.world import environment

if TYPE_CHECKING:
    from collections.abc import Iterator

    Environment = dict[str, str]

TITLE: Final = f"A fleet rotated, {AT_ONCE} secrets at once, real Prefect server, AWS by a stand-in"
_FEW: Final = 250
_MANY: Final = 1000
_ROUNDS: Final = 3


def table() -> list[dict[str, Any]]:
    """Measure both sides in turn, the best of three rounds; memory, the most of them."""
    sides = (("asyncio", _MANY), ("flow", _FEW), ("flow", _MANY))
    runs: dict[tuple[str, int], list[dict[str, float]]] = {side: [] for side in sides}
    with (
        tempfile.TemporaryDirectory() as scratch,
        Processes() as processes,
        PrefectServer(processes, Path(scratch)) as server,
        _api() as port,
    ):
        server.wait()
        variables = {**os.environ, **environment(f"http://127.0.0.1:{port}")}
        variables |= server.environment() | {"PREFECT_LOGGING_LEVEL": "ERROR"}
        for _ in range(_ROUNDS):
            for side, found in runs.items():
                found.append(_measured(*side, variables))
    bare = {what: min(r[what] for r in runs["asyncio", _MANY]) for what in ("seconds", "cpu")}
    few = max(run["peak"] for run in runs["flow", _FEW])
    return [_row(*side, found, bare, few) for side, found in runs.items()]


def _row(
    side: str, count: int, runs: list[dict[str, float]], bare: dict[str, float], few: float
) -> dict[str, Any]:
    seconds, cpu = (min(run[what] for run in runs) for what in ("seconds", "cpu"))
    peak = max(run["peak"] for run in runs)
    whole = count == _MANY
    return {
        "side": {"asyncio": "bare asyncio loop", "flow": "rotate-fleet flow"}[side],
        "secrets": count,
        "seconds": f"{seconds:.1f}",
        "CPU seconds": f"{cpu:.1f}",
        "time, against the loop": f"{seconds / bare['seconds']:.2f}x" if whole else "",
        "CPU": f"{cpu / bare['cpu']:.2f}x" if whole else "",
        "peak memory, MiB": f"{peak:.0f}",
        f"against {_FEW}": f"{peak / few:.2f}x" if side == "flow" else "",
    }


def _measured(side: str, count: int, variables: Environment) -> dict[str, float]:
    ended = subprocess.run(
        [sys.executable, "-m", "bench.fleet_side", side, str(count)],
        env=variables,
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    found: dict[str, float] = json.loads(ended.stdout.splitlines()[-1])
    return found


@contextmanager
def _api() -> Iterator[int]:
    command = [sys.executable, "-m", "bench.fleet_api"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as stand_in:
        assert stand_in.stdout is not None  # noqa: S101  (for the type checker)
        try:
            yield int(stand_in.stdout.readline())
        finally:
            stand_in.terminate()


if __name__ == "__main__":
    for row in table():
        print(" | ".join(str(value) for value in row.values()))
