"""Text made to keep a scan busy: what 25 MB of each kind cost, beside Kingfisher's SDK alone."""

from __future__ import annotations

import base64
import io
import json
import random
import resource
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import kingfisher_sdk

from bench.values import KEY, fingerprints, printed, value
from wickie.scan import engine
from wickie.scan.chunk import OVERLAP, SIZE, Artifact, chunked
from wickie.scan.detectors import KingfisherDetector, ManagedDetector

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wickie.model import Gap
    from wickie.scan.chunk import Chunk

TITLE: Final = "Hostile text: CPU seconds for 25 MB, by what it is made of (goal: at most 1 s)"

_MEGABYTES: Final = 25
_BARE: Final = 100_000
"""Bytes that Kingfisher's SDK alone is given; of some, 25 MB would take it an hour."""
_SECRET: Final = value()
_KEY: Final = "-----BEGIN %sPRIVATE KEY-----"


def _repeated(unit: bytes, size: int) -> bytes:
    return (unit * (size // len(unit) + 1))[:size]


def _drawn(line: Callable[[random.Random], str], size: int) -> bytes:
    """Lines no two of which are the same, and the same lines at every run."""
    draw, lines, length = random.Random(1), list[str](), 0  # noqa: S311  (text, not secrets)
    while length < size:
        lines.append(line(draw))
        length += len(lines[-1])
    return "".join(lines).encode()[:size]


def _word(draw: random.Random, length: int) -> str:
    return f"{draw.getrandbits(4 * length):0{length}x}"


def _nested(size: int) -> bytes:
    text = json.dumps({"password": "a"})
    while len(text) < size:
        text = json.dumps({"password": text})
    return text.encode()[:size]


_REPEATED: Final = {
    "PEM header": _KEY.encode() % b"RSA " + b"\n",
    "PEM header, no newline": _KEY.encode() % b"RSA ",
    "quotes": b"\"'`",
    "equals signs": b"=",
    "zero bytes": b"\0",
    "password=": b"password=",
    "GitLab's prefix": b"glrt-",
    "URL with credentials": b"https://~:~@bitbucket.org/~.git\n",
    "a managed secret": _SECRET.encode() + b"\n",
    "UTF-16": "password=aB3dE6gH9\n".encode("utf-16-le"),
}

_LINES: Final[dict[str, Callable[[random.Random], str]]] = {
    "PEM header, numbered": lambda d: f"{_KEY % 'RSA '}{d.getrandbits(32)}\n",
    "a managed secret, in numbered lines": lambda d: f"{d.getrandbits(32)} {_SECRET}\n",
    "one password, in numbered lines": lambda d: f"{d.getrandbits(32)} password='xK3#pQ9!mZ2v'\n",
    "distinct passwords": lambda d: f"password='{_word(d, 12)}1'\n",
    "distinct tokens": lambda d: f"ghp_{_word(d, 36)}\n",
    "distinct URLs with credentials": lambda d: (
        f"https://{_word(d, 2)}:{_word(d, 8)}@bitbucket.org/a.git\n"
    ),
    "GitLab's prefix, distinct": lambda d: f"glrt-{_word(d, 1)}-",
    "distinct Slack tokens": lambda d: f"xapp-7-{_word(d, 1)}-7-{_word(d, 1)}\n",
    "logins by curl": lambda d: f"curl -u app:{_word(d, 9)} https://a\n",
    "base64, one line": lambda d: base64.b64encode(d.randbytes(3000)).decode(),
    "base64 of passwords": lambda d: (
        base64.b64encode(f"password='{_word(d, 12)}1'".encode()).decode() + "\n"
    ),
    "hexadecimal, one line": lambda d: d.randbytes(3000).hex(),
}

FAMILIES: Final[dict[str, Callable[[int], bytes]]] = {
    **{f"{name}, over and over": partial(_repeated, unit) for name, unit in _REPEATED.items()},
    **{name: partial(_drawn, line) for name, line in _LINES.items()},
    "nested JSON escapes": _nested,
    "random bytes": lambda size: random.Random(1).randbytes(size),  # noqa: S311
}


class _Text:
    """A file of so many bytes."""

    uri = kind = "bench"

    def __init__(self, data: bytes) -> None:
        self._data = data

    def artifacts(self) -> Iterator[Artifact | Gap]:
        yield Artifact("text", "text", self.kind, self._read, "1")

    def _read(self) -> Iterator[Chunk | Gap]:
        return chunked(io.BytesIO(self._data), "text", "text", self.kind)


def _bare(scanner: kingfisher_sdk.Scanner, data: bytes) -> int:
    found = 0
    for at in range(0, len(data), SIZE):
        found += len(scanner.scan(data[at : at + SIZE + OVERLAP], timeout=600))
    return found


def _measured(way: Callable[[], Any]) -> tuple[float, Any]:
    before = resource.getrusage(resource.RUSAGE_SELF)
    came = way()
    after = resource.getrusage(resource.RUSAGE_SELF)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, came


def table() -> list[dict[str, object]]:
    """Scan each kind of text with everything on, and a piece of it with the engine alone."""
    prints = [*printed(0, _SECRET), *fingerprints(1000)]
    detectors = ManagedDetector(prints, KEY), KingfisherDetector(KEY)
    scanner = kingfisher_sdk.Scanner(
        kingfisher_sdk.Rules(), policy=kingfisher_sdk.DetectionPolicy()
    )
    return [_row(name, make, detectors, scanner) for name, make in FAMILIES.items()]


def _row(
    name: str, make: Callable[[int], bytes], detectors: Any, scanner: kingfisher_sdk.Scanner
) -> dict[str, object]:
    data = make(_MEGABYTES * 10**6)
    seconds, result = _measured(lambda: engine.scan([_Text(data)], detectors, run_id="bench"))
    times = _MEGABYTES * 10**6 // _BARE
    alone, _ = _measured(lambda: _bare(scanner, data[:_BARE]))
    return {
        "text": name,
        "MB": _MEGABYTES,
        "wickie, CPU s": f"{seconds:.2f}",
        "findings": len(result.findings),
        "gaps": len(result.gaps),
        f"Kingfisher SDK alone (of {_BARE // 1000} kB, times {times})": f"{alone * times:.0f}",
    }
