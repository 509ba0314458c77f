"""What the generic rules say of public text that holds next to no credentials."""

from __future__ import annotations

import sysconfig
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench.scan import corpus
from bench.values import KEY
from wickie.model import Gap
from wickie.scan import rules
from wickie.scan.chunk import Match
from wickie.scan.detectors import KingfisherDetector
from wickie.scan.overlap import settled
from wickie.scan.sources.directory import Directory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wickie.scan.chunk import Chunk

TITLE: Final = (
    "Findings per 100 MB of installed packages, documentation and generated logs, by rule"
)

_PLACES: Final = (Path(sysconfig.get_paths()["stdlib"]), Path("/usr/share"), Path("/etc"))
_SAMPLE: Final = 100_000_000
"""Bytes of each place; the whole is the same at every run on a machine."""


def matches(place: Path) -> Iterator[Match | int]:
    """What is found in a place, and between that how many bytes were looked at."""
    detector, size = KingfisherDetector(KEY), 0
    for chunk in _chunks(place):
        yield from (m for m in settled(list(detector.detect([chunk]))) if isinstance(m, Match))
        yield chunk.size
        size += chunk.size
        if size > _SAMPLE:
            return


def _chunks(place: Path) -> Iterator[Chunk]:
    for artifact in Directory(place).artifacts():
        for part in [artifact] if isinstance(artifact, Gap) else artifact.read():
            if not isinstance(part, Gap):
                yield part


def table() -> list[dict[str, object]]:
    """Count what each rule finds; nearly all of it is wrong, as nobody publishes secrets so."""
    places = {
        "packages": corpus() / "installed",
        "generated": corpus() / "generated",
        **{str(place): place for place in _PLACES},
    }
    found, sizes = Counter[tuple[str, str]](), Counter[str]()
    for name, place in places.items():
        for each in matches(place):
            if isinstance(each, int):
                sizes[name] += each
            else:
                kind = each.finding.rule_id if each.generic else "Kingfisher's own"
                found[kind, name] += 1
    kinds = sorted({kind for kind, _ in found}, key=lambda kind: (kind[0] == "K", kind))
    total = sum(sizes.values()) / 1e8
    rows: list[dict[str, object]] = [
        {
            "rule": kind.removeprefix(rules.PREFIX),
            **{name: found[kind, name] for name in places},
            "per 100 MB": f"{sum(found[kind, name] for name in places) / total:.1f}",
        }
        for kind in kinds
    ]
    return [*rows, {"rule": "MB", **{n: f"{sizes[n] / 1e6:.0f}" for n in places}, "per 100 MB": ""}]
