"""`make bench`: run every benchmark and print its table as docs/benchmarks.md shows it."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Final

from bench.faults.arenas import Unavailable

BENCHMARKS: Final = (
    "bench.scan",
    "bench.hostile",
    "bench.precision",
    "bench.labelled",
    "bench.fingerprints",
    "bench.second_night",
    "bench.memory",
    "bench.rotation",
    "bench.fleet",
    "bench.synth",
    "bench.crashes",
    "bench.peers",
)


def markdown(rows: list[dict[str, object]]) -> str:
    """Draw rows as a Markdown table, columns in the order of the first row."""
    columns = list(rows[0])
    lines = [columns, ["---"] * len(columns), *([str(row[c]) for c in columns] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    """Run the benchmarks named on the command line, or all."""
    for name in sys.argv[1:] or BENCHMARKS:
        try:
            _show(name)
        except Unavailable as lacking:
            print(f"\n{name} left out: {lacking}", flush=True)


def _show(name: str) -> None:
    module = import_module(name)
    if hasattr(module, "parts"):
        for part in module.parts():
            _show(part)
        return
    print(f"\n### {module.TITLE}\n\n{markdown(module.table())}", flush=True)


if __name__ == "__main__":
    main()
