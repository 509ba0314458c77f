"""Every rotator killed, cut off, slowed and raced at every call it makes, then tried again."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from bench.faults.arenas import ARENAS, Unavailable, open_arena
from bench.faults.aws import open_aws
from bench.faults.faults import FAULTS
from bench.faults.rotator import wickie
from bench.faults.run import Tally, calls, every, try_out
from wickie.providers.registry import find_engine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.faults.arenas import Arena, Entry
    from bench.faults.aws import Aws
    from bench.faults.rotator import Rotator

TITLE: Final = "Crashes: trials of each fault, and invariants broken after Secrets Manager's retry"


def table() -> list[dict[str, Any]]:
    """One row for each rotator of each arena; each, and what broke, is told on stderr at once."""
    rows = []
    for found in _rows():
        print(*found.values(), sep=" | ", file=sys.stderr, flush=True)
        rows.append(found)
    return rows


def _rows() -> Iterator[dict[str, Any]]:
    with open_aws() as aws:
        for name, entry in ARENAS.items():
            try:
                with open_arena(name) as arena:
                    yield from _of_arena(name, entry, arena, aws)
            except Unavailable as lacking:
                print(f"{name} left out: {lacking}", file=sys.stderr)


def _of_arena(name: str, entry: Entry, arena: Arena, aws: Aws) -> Iterator[dict[str, Any]]:
    for strategy in find_engine(entry.engine).strategies:
        first = wickie(aws, arena, entry.engine, strategy)
        for rotator, when in ((first, ""), (replace(first, second=True), ", second rotation")):
            yield row(f"{name}, {strategy}{when}", rotator, entry.every)


def row(title: str, rotator: Rotator, stride: int = 1) -> dict[str, Any]:
    """Put one rotator through all faults."""
    made = calls(rotator)
    tallies = {
        fault: try_out(rotator, fault, every(stride, first), made)
        for first, fault in enumerate(FAULTS)
    }
    for tally in tallies.values():
        for what in tally.broken:
            print(f"{title}: {what}", file=sys.stderr)
    return {
        "rotator": title,
        "calls": len(made),
        **{fault: _cell(tally) for fault, tally in tallies.items()},
        "trials": sum(tally.tried for tally in tallies.values()),
        "broken": sum(len(tally.broken) for tally in tallies.values()),
    }


def _cell(tally: Tally) -> str:
    return f"{tally.tried}" + f" ({len(tally.broken)} broken)" * bool(tally.broken)
