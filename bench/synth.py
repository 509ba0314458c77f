"""
How long the synthesis of a whole stage takes, beside that of a stack with nothing in it.

Of that one there are two: as the CDK makes it, which validates its template, and without that
validation, which app.py leaves to the tests.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from local.node import environment

TITLE: Final = "Synthesis of wickie.example.yaml, in a process of its own"
_ROOT: Final = Path(__file__).parents[1]
_ROUNDS: Final = 5
_EMPTY: Final = "import aws_cdk; app = aws_cdk.App({}); aws_cdk.Stack(app, 'Empty'); app.synth()"
_PLAIN: Final = "an empty stack"
_BARE: Final = "an empty stack, its template not validated"


def table() -> list[dict[str, Any]]:
    """Measure all in turn. The first round, which compiles, packs and builds, does not count."""
    commands = {
        _PLAIN: [sys.executable, "-c", _EMPTY.format("")],
        _BARE: [sys.executable, "-c", _EMPTY.format("builtin_cloud_formation_validation=False")],
        "app.py, every stack, cdk-nag included": [sys.executable, "app.py"],
    }
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    for counts in (False, *[True] * _ROUNDS):
        for name, command in commands.items():
            taken = _run(command)
            if counts:
                seconds[name].append(taken)
    medians = {name: _medians(taken) for name, taken in seconds.items()}
    return [
        {
            "what": name,
            "wall s": f"{wall:.2f}",
            "CPU s": f"{cpu:.2f}",
            "ratio": f"{wall / medians[_PLAIN][0]:.2f}x",
            "ratio of CPU": f"{cpu / medians[_PLAIN][1]:.2f}x",
            "not validated": f"{wall / medians[_BARE][0]:.2f}x",
            "CPU, not validated": f"{cpu / medians[_BARE][1]:.2f}x",
        }
        for name, (wall, cpu) in medians.items()
    ]


def _medians(taken: list[tuple[float, float]]) -> tuple[float, float]:
    walls, cpus = zip(*taken, strict=True)
    return statistics.median(walls), statistics.median(cpus)


def _run(command: list[str]) -> tuple[float, float]:
    """Wall and CPU seconds, those of the CDK's Node process included."""
    with tempfile.TemporaryDirectory() as out:
        settings = {"CDK_OUTDIR": out, "WICKIE_CONFIG": "wickie.example.yaml"}
        began, before = time.perf_counter(), os.times()
        subprocess.run(
            command,
            cwd=_ROOT,
            env=environment({**os.environ, **settings}),
            stderr=subprocess.DEVNULL,
            check=True,
        )
        after = os.times()
    cpu = sum(after[2:4]) - sum(before[2:4])
    return time.perf_counter() - began, cpu
