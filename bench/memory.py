"""Peak memory of a scan against that of a scan of a tenth: what is read is not held."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from bench.values import KEY, fingerprints
from wickie.scan import engine
from wickie.scan.chunk import Artifact
from wickie.scan.detectors import ManagedDetector
from wickie.scan.unpacking import unpacked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wickie.model import Gap
    from wickie.scan.chunk import Chunk

TITLE: Final = "Peak memory by size, each scan in a process of its own"

_SIZES: Final = {"a tenth": 100, "all": 1000}
"""Megabytes that are scanned."""
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
    uri: str = "bench:"
    kind: str = "bench"

    def artifacts(self) -> Iterator[Artifact | Gap]:
        for name, stream in self.parts():
            yield Artifact(name, name, self.kind, partial(_read, name, stream))


def _read(name: str, stream: Any) -> Iterator[Chunk | Gap]:
    return unpacked(stream, name, name, "bench", 1 << 40)


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


_WAYS: Final[dict[str, Callable[[int], Iterator[tuple[str, Any]]]]] = {
    "one file": lambda m: iter([("file", _Repeated(_text(lines=True), m))]),
    "one line": lambda m: iter([("line", _Repeated(_text(lines=False), m))]),
    "files of 10 kB": _small,
    "a compressed tar file": _compressed,
}


def measure(way: str, megabytes: int) -> dict[str, Any]:
    """Scan so much in this process; return what was scanned, and the peak in MB."""
    source = _Place(lambda: _WAYS[way](megabytes))
    detector = ManagedDetector(fingerprints(100), KEY)
    result = engine.scan([source], [detector], run_id="bench")
    with open("/proc/self/status") as status:  # noqa: PTH123  (getrusage shows the parent's peak too)
        (peak,) = (int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    return {"MB": result.bytes_scanned / 1e6, "gaps": len(result.gaps), "peak": peak / 1e3}


def _measured(way: str, megabytes: int) -> dict[str, Any]:
    code = f"import bench.memory as m, json; print(json.dumps(m.measure({way!r}, {megabytes})))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    measured: dict[str, Any] = json.loads(done.stdout)
    return measured


def table() -> list[dict[str, object]]:
    """Scan each kind of content at both sizes."""
    rows: list[dict[str, object]] = []
    for way in _WAYS:
        tenth, whole = (_measured(way, megabytes) for megabytes in _SIZES.values())
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
