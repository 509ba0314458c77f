"""Throughput of a scan against the engine under it: what the managed-secret detector costs."""

from __future__ import annotations

import random
import resource
import shutil
import sysconfig
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import kingfisher_sdk

from bench.values import KEY, fingerprints
from wickie.errors import SourceError
from wickie.model import Gap
from wickie.scan import engine
from wickie.scan.chunk import SIZE, Chunk
from wickie.scan.detectors import KingfisherDetector, ManagedDetector
from wickie.scan.sources.directory import Directory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TITLE: Final = "Scan throughput, installed and generated text, two threads"

CORPUS: Final = Path("build/bench/corpus")
_MEGABYTES: Final = 512
_SECRETS: Final = (1_000, 10_000)
_ROUNDS: Final = 3
_TEXT: Final = frozenset({".py", ".pyi", ".json", ".js", ".h", ".css", ".md", ".txt", ".rst"})
_AHEAD: Final = 4


def corpus() -> Path:
    """Text files of the installed packages, filled up with generated logs and settings."""
    complete = CORPUS / ".complete"
    if not complete.exists():
        shutil.rmtree(CORPUS, ignore_errors=True)
        CORPUS.mkdir(parents=True)
        size = _installed(CORPUS / "installed", _MEGABYTES * 10**6 // 2)
        _generated(CORPUS / "generated", _MEGABYTES * 10**6 - size)
        complete.touch()
    return CORPUS


def _installed(target: Path, size: int) -> int:
    packages, copied = Path(sysconfig.get_paths()["purelib"]), 0
    for path in sorted(p for p in packages.rglob("*") if p.suffix in _TEXT and p.is_file()):
        to = target / path.relative_to(packages)
        to.parent.mkdir(parents=True, exist_ok=True)
        try:
            to.hardlink_to(path)
        except OSError:
            shutil.copyfile(path, to)
        copied += path.stat().st_size
        if copied >= size:
            break
    return copied


def _generated(target: Path, size: int) -> None:
    """Logs of 8 MB and settings of 4 kB, the same at every run."""
    target.mkdir()
    draw = random.Random(1)  # noqa: S311  (text, not secrets)
    lines = [_line(draw) for _ in range(100_000)]
    number = 0
    while size > 0:
        count = 80_000 if number % 100 == 0 else 40
        text = "\n".join(draw.choices(lines, k=count))
        (target / f"{number}.{'log' if number % 100 == 0 else 'conf'}").write_text(text)
        size -= len(text)
        number += 1


def _line(draw: random.Random) -> str:
    request, user = draw.getrandbits(128), draw.randrange(10**6)
    return draw.choice(
        (
            f"2026-01-01T00:00:{user % 60:02}Z INFO request={request:032x} path=/orders/{user}",
            f'{{"level":"warn","id":"{request:x}","user":{user},"message":"retrying","password":""}}',
            f"service_{user}.endpoint = https://host-{user}.example.org:8443/v1/{request:x}",
            f"# token rotation of user {user} is described in the handbook, chapter {user % 40}",
        )
    )


def _bare(scanner: kingfisher_sdk.Scanner, timeout: float | None) -> int:
    """Kingfisher's SDK by itself: the same chunks, as many threads, as far ahead."""

    def look(batch: list[Chunk]) -> int:
        for chunk in batch:
            scanner.scan(chunk.data, timeout=timeout)
        return sum(chunk.size for chunk in batch)

    size = 0
    with ThreadPoolExecutor(2) as pool:
        ahead: deque[Future[int]] = deque()
        for batch in _batches():
            ahead.append(pool.submit(look, batch))
            if len(ahead) > _AHEAD:
                size += ahead.popleft().result()
        return size + sum(future.result() for future in ahead)


def _batches() -> Iterator[list[Chunk]]:
    batch, size = [], 0
    for chunk in _chunks():
        batch.append(chunk)
        size += len(chunk.data)
        if size >= SIZE:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _chunks() -> Iterator[Chunk]:
    for artifact in Directory(corpus()).artifacts():
        for part in [artifact] if isinstance(artifact, Gap) else artifact.read():
            if isinstance(part, Gap):
                raise SourceError(f"{part.uri}: {part.reason}; delete {CORPUS}")
            yield part


def _scan(*detectors: KingfisherDetector | ManagedDetector) -> int:
    return engine.scan([Directory(corpus())], detectors, run_id="bench").bytes_scanned


def table() -> list[dict[str, object]]:
    """Alternate the ways to scan, and show each one's best round: others share the machine."""
    corpus()
    kingfisher = KingfisherDetector(KEY)
    fleets = {count: ManagedDetector(fingerprints(count), KEY) for count in _SECRETS}
    scanner = kingfisher_sdk.Scanner(
        kingfisher_sdk.Rules(), policy=kingfisher_sdk.DetectionPolicy()
    )
    ways: dict[str, Callable[[], int]] = {
        "Kingfisher SDK alone": partial(_bare, scanner, 30),
        "Kingfisher SDK alone, however long it takes": partial(_bare, scanner, None),
        "its rules and ours": lambda: _scan(kingfisher),
    }
    for count, managed in fleets.items():
        ways[f"wickie scan, {count:,} managed secrets"] = partial(_scan, managed, kingfisher)
        ways[f"managed-secret detector alone, {count:,}"] = partial(_scan, managed)
    best: dict[str, tuple[float, float, int]] = {}
    for _ in range(_ROUNDS):
        for name, way in ways.items():
            measured = _measured(way)
            best[name] = min(best.get(name, measured), measured)
    wall_alone, cpu_alone, _ = best["Kingfisher SDK alone"]
    return [
        {
            "what": name,
            "MB": f"{size / 1e6:.0f}",
            "wall s": f"{wall:.2f}",
            "CPU s": f"{cpu:.2f}",
            "MB/s": f"{size / 1e6 / wall:.0f}",
            "MB per CPU s": f"{size / 1e6 / cpu:.0f}",
            "throughput": f"{wall_alone / wall:.2f}x",
            "per CPU s": f"{cpu_alone / cpu:.2f}x",
        }
        for name, (wall, cpu, size) in best.items()
    ]


def _measured(way: Callable[[], int]) -> tuple[float, float, int]:
    wall, cpu = time.perf_counter(), _cpu_seconds()
    size = way()
    return time.perf_counter() - wall, _cpu_seconds() - cpu, size


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
