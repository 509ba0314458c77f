"""What a second night costs when little has changed, and what many small payloads cost at all."""

from __future__ import annotations

import random
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench.values import KEY, fingerprints
from wickie.scan import engine
from wickie.scan.cache import ScanCache
from wickie.scan.detectors import KingfisherDetector, ManagedDetector
from wickie.scan.sources.directory import Directory
from wickie.scan.sources.listing import Listing
from wickie.scan.sources.reading import artifact_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from wickie.model import ScanResult
    from wickie.scan.chunk import Artifact, Detector, Source

TITLE: Final = "A second night with 1 % changed, and 10,000 payloads as small as environments"

_FILES: Final = 5000
_KILOBYTES: Final = 60
_PAYLOADS: Final = 10_000
_ROUNDS: Final = 3


def _corpus(folder: Path) -> None:
    draw = random.Random(1)  # noqa: S311  (text, not secrets)
    lines = [
        f"service_{n}.endpoint = host-{draw.getrandbits(64):x}.example.org" for n in range(999)
    ]
    for number in range(_FILES):
        text = "\n".join(draw.choices(lines, k=_KILOBYTES * 1000 // len(lines[0])))
        (folder / f"{number}.conf").write_text(text)


def _change(folder: Path) -> None:
    for number in range(0, _FILES, 100):
        with (folder / f"{number}.conf").open("a") as file:
            file.write("\nchanged = 1")


def _environments(variables: int) -> list[Artifact]:
    """As functions have them: a kilobyte together."""
    listed = []
    for number in range(_PAYLOADS):
        filler = "x" * (900 // variables)
        texts = [(f"NAME_{n}", f"NAME_{n}=value-{number}-{filler}") for n in range(variables)]
        arn = f"arn:aws:lambda:eu-west-1:123456789012:function:bench-{number}"
        listed.append(artifact_of(texts.copy, arn, "lambda-environment", at_hand=True))
    return listed


def _scanned(
    source: Source, detectors: list[Detector], stored: bytes = b""
) -> tuple[float, float, ScanResult, bytes]:
    start, used = time.perf_counter(), time.process_time()
    cache = ScanCache(detectors, KEY, stored)
    result = engine.scan([source], detectors, run_id="bench", cache=cache)
    kept = cache.dump()
    return time.perf_counter() - start, time.process_time() - used, result, kept


def table() -> list[dict[str, object]]:
    """Scan a directory on two nights, and environments once; each one's best round."""
    detectors: list[Detector] = [
        ManagedDetector(fingerprints(1000), KEY),
        KingfisherDetector(KEY),
    ]
    best: dict[str, tuple[float, float, ScanResult]] = {}

    def keep(name: str, scan: Callable[[], tuple[float, float, ScanResult, bytes]]) -> bytes:
        seconds, cpu, result, kept = scan()
        if name not in best or seconds < best[name][0]:
            best[name] = seconds, cpu, result
        return kept

    listings = {
        f"{_PAYLOADS:,} environments of a kilobyte, variables in each: {variables}": Listing(
            "lambda-environment", "", (), partial(iter, _environments(variables))
        )
        for variables in (1, 10)
    }
    with tempfile.TemporaryDirectory() as folder:
        _corpus(Path(folder))
        source = Directory(Path(folder))
        for _ in range(_ROUNDS):
            stored = keep("first night", partial(_scanned, source, detectors))
            _change(Path(folder))
            keep("second night, 1 % changed", partial(_scanned, source, detectors, stored))
            for name, listing in listings.items():
                keep(name, partial(_scanned, listing, detectors))
    first = best["first night"][0]
    return [
        {
            "what": name,
            "artifacts": f"{result.artifacts:,}",
            "unchanged": f"{result.unchanged:,}",
            "MB read": f"{result.bytes_scanned / 1e6:.0f}",
            "s": f"{seconds:.2f}",
            "CPU s": f"{cpu:.2f}",
            "to the first night": f"{seconds / first:.3f}x" if "night" in name else "",
        }
        for name, (seconds, cpu, result) in best.items()
    ]
