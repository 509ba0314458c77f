"""
Peak memory of a scan against that of a scan of a tenth: what is read is not held.

`MEMORY_MB` says how much is scanned, and `MEMORY_WAYS` how, where it is not 1,000 and every way.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, cast

from bench.values import KEY, fingerprints
from wickie.scan import engine
from wickie.scan.chunk import Artifact
from wickie.scan.detectors import ManagedDetector
from wickie.scan.sources.git import Repository
from wickie.scan.sources.s3 import Bucket
from wickie.scan.unpacking import unpacked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wickie.model import Gap
    from wickie.scan.chunk import Chunk, Source

TITLE: Final = "Peak memory by size, without mapped files, each scan in a process of its own"

_MEGABYTES: Final = int(os.environ.get("MEMORY_MB", "1000"))
_OBJECT: Final = 100_000
_PAGE: Final = 1000
_PLENTY: Final = 1 << 40
_LINE: Final = b"2026-01-01T00:00:00Z INFO request=%032x path=/orders/%d\n"


@dataclass
class _Repeated:
    """A file that holds the same over and over, without holding it."""

    text: bytes
    times: int
    held: bytes = b""

    def read(self, size: int, /) -> bytes:
        if not self.held and self.times:
            self.held, self.times = self.text, self.times - 1
        part, self.held = self.held[:size], self.held[size:]
        return part


@dataclass
class _Place:
    """One large artifact, or as many small ones as make up the same size."""

    parts: Callable[[], Iterator[tuple[str, Any]]]
    most: int = _PLENTY
    """Bytes that may be unpacked."""
    uri: str = "bench:"
    kind: str = "bench"

    def artifacts(self) -> Iterator[Artifact | Gap]:
        for name, stream in self.parts():
            yield Artifact(name, name, self.kind, partial(self._read, name, stream))

    def _read(self, name: str, stream: Any) -> Iterator[Chunk | Gap]:
        return unpacked(stream, name, name, "bench", self.most)


def _text(*, lines: bool) -> bytes:
    """A megabyte of a log."""
    text = b"".join(_LINE % (number, number) for number in range(20_000))[: 10**6]
    return text if lines else text.replace(b"\n", b" ")


def _small(megabytes: int) -> Iterator[tuple[str, Any]]:
    text = _text(lines=True)[:10_000]
    for number in range(megabytes * 100):
        yield f"{number}.conf", io.BytesIO(text)


def _compressed(megabytes: int) -> Iterator[tuple[str, Any]]:
    """A compressed tar file, of members of 20 MB."""
    member = _text(lines=True) * 20
    about = tarfile.TarInfo("layer/app.log")
    about.size = len(member)
    padding = bytes(-len(member) % tarfile.BLOCKSIZE)
    piece = gzip.compress(about.tobuf() + member + padding, 1)
    yield "layer.tar.gz", _Repeated(piece, megabytes // 20)


def _bomb(megabytes: int) -> Iterator[tuple[str, Any]]:
    """A gzip file of zeros, as a bomb is."""
    yield "bomb.gz", _Repeated(gzip.compress(bytes(10**6), 9), megabytes)


class _Store:
    """S3, as far as `Bucket` asks it: objects of 100 kB, made when they are read."""

    def __init__(self, megabytes: int) -> None:
        self._count = megabytes * 10**6 // _OBJECT
        self._text = _text(lines=True)[:_OBJECT]

    def get_paginator(self, _operation: str) -> Any:
        return SimpleNamespace(paginate=self._pages)

    def get_object(self, **_which: str) -> dict[str, Any]:
        return {"Body": io.BytesIO(self._text)}

    def _pages(self, **_where: Any) -> Iterator[dict[str, Any]]:
        for first in range(0, self._count, _PAGE):
            numbers = range(first, min(first + _PAGE, self._count))
            listed = [{"Key": f"{n}.log", "Size": _OBJECT, "ETag": f'"{n}"'} for n in numbers]
            yield {"Contents": listed}


def _history(megabytes: int) -> Source:
    """A repository of one file, which every commit changes; where it is, is removed at the end."""
    folder = tempfile.TemporaryDirectory()
    git = ["git", "-c", "core.compression=0", "-C", folder.name]
    subprocess.run([*git, "init", "--quiet", "--bare"], check=True)
    with subprocess.Popen([*git, "fast-import", "--quiet"], stdin=subprocess.PIPE) as importing:
        assert importing.stdin  # noqa: S101  (it is a pipe)
        text = _text(lines=True)
        for number in range(megabytes):
            data = b"%012d\n" % number + text
            importing.stdin.write(
                b"commit refs/heads/main\ncommitter a <a@b.c> %d +0000\ndata 0\n"
                b"M 644 inline app.log\ndata %d\n%s\n" % (number, len(data), data)
            )
    repository = Repository(Path(folder.name))
    _held.append(folder)
    return repository


_held: Final[list[tempfile.TemporaryDirectory[str]]] = []


_WAYS: Final[dict[str, Callable[[int], Source]]] = {
    "one file": lambda m: _Place(lambda: iter([("file", _Repeated(_text(lines=True), m))])),
    "one line": lambda m: _Place(lambda: iter([("line", _Repeated(_text(lines=False), m))])),
    "files of 10 kB": lambda m: _Place(partial(_small, m)),
    "a compressed tar file": lambda m: _Place(partial(_compressed, m)),
    "a gzip bomb stopped at a gigabyte": lambda m: _Place(partial(_bomb, 3 * m), 1 << 30),
    "objects of S3 by a stand-in": lambda m: Bucket(cast("Any", _Store(m)), "bench"),
    "history of git": _history,
}


def measure(way: str, megabytes: int) -> dict[str, Any]:
    """Scan so much in this process; return what was scanned, and the peak in MB."""
    source = _WAYS[way](megabytes)
    detector = ManagedDetector(fingerprints(100), KEY)
    mapped = [0.0]
    result = engine.scan(
        [source], [detector], run_id="bench", watch=lambda *_: mapped.append(_megabytes("RssFile"))
    )
    # Of files that are mapped, as git's packs are, the kernel takes back what it needs.
    peak = _megabytes("VmHWM") - max(mapped)
    return {"MB": result.bytes_scanned / 1e6, "gaps": len(result.gaps), "peak": peak}


def _megabytes(which: str) -> float:
    with open("/proc/self/status") as status:  # noqa: PTH123  (getrusage shows the parent's peak too)
        told = dict(line.split(":", 1) for line in status)
    return int(told[which].split()[0]) / 1e3


def _measured(way: str, megabytes: int) -> dict[str, Any]:
    code = f"import bench.memory as m, json; print(json.dumps(m.measure({way!r}, {megabytes})))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    measured: dict[str, Any] = json.loads(done.stdout)
    return measured


def table() -> list[dict[str, object]]:
    """Scan each kind of content at both sizes."""
    rows: list[dict[str, object]] = []
    ways = os.environ.get("MEMORY_WAYS", ",".join(_WAYS)).split(",")
    for way in ways:
        tenth, whole = (_measured(way, size) for size in (_MEGABYTES // 10, _MEGABYTES))
        rows.append(
            {
                "what": way,
                "MB": f"{tenth['MB']:.0f}, {whole['MB']:.0f}",
                "gaps": tenth["gaps"] + whole["gaps"],
                "peak MB": f"{tenth['peak']:.0f}, {whole['peak']:.0f}",
                "ratio": f"{whole['peak'] / tenth['peak']:.2f}x",
            }
        )
    return rows
