"""Reads what gzip and zip files hold as if it lay there plainly, and never writes it anywhere."""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from dataclasses import dataclass, replace
from typing import IO, TYPE_CHECKING, Final, cast

from wickie.errors import SourceError
from wickie.model import Gap
from wickie.scan.chunk import Chunk, Readable, chunked

if TYPE_CHECKING:
    from collections.abc import Iterator

_GZIP: Final = b"\x1f\x8b"
_ZIP: Final = b"PK\x03\x04"
_DEEPEST: Final = 2
_LARGEST_ZIP: Final = 64 << 20
"""Bytes of a zip file: its table of contents is at its end, so all of it is held in memory."""
_MOST: Final = 1 << 30
"""Bytes unpacked of one artifact: a bomb of a few kilobytes would keep the scan busy for ever."""

_BROKEN: Final = (OSError, EOFError, zlib.error, zipfile.BadZipFile, SourceError)
_LOCKED: Final = (NotImplementedError, RuntimeError)
"""What zipfile raises of a member that is encrypted, or compressed in a way it does not know."""


def is_packed(head: bytes) -> bool:
    """Whether a file that begins so is one that `unpacked` opens."""
    return head.startswith((_GZIP, _ZIP))


@dataclass
class _Budget:
    """What may still be unpacked of an artifact."""

    left: int = _MOST

    def spend(self, size: int) -> None:
        self.left -= size
        if self.left < 0:
            raise SourceError("it holds too much")


def unpacked(
    stream: Readable, uri: str, artifact: str, source: str, most: int = _MOST
) -> Iterator[Chunk | Gap]:
    """As `chunked`, but of what a gzip or zip file holds; what cannot be unpacked is a gap."""
    yield from _open(stream, Chunk(b"", uri, artifact, source), _Budget(most), 0)


def _open(stream: Readable, at: Chunk, budget: _Budget, depth: int) -> Iterator[Chunk | Gap]:
    head = stream.read(len(_ZIP))
    whole = _Rejoined(head, stream)
    if not is_packed(head) or depth == _DEEPEST:
        yield from chunked(whole, at.uri, at.artifact, at.source)
        return
    try:
        if head.startswith(_GZIP):
            # It reads, and seeks only where its user does.
            plain = gzip.GzipFile(fileobj=cast("IO[bytes]", whole), mode="rb")
            yield from _open(_Metered(plain, budget), at, budget, depth + 1)
        else:
            yield from _zipped(whole, at, budget, depth)
    except _BROKEN as error:
        yield Gap(at.uri, f"cannot be unpacked: {' '.join(str(error).split())}")


def _zipped(stream: Readable, at: Chunk, budget: _Budget, depth: int) -> Iterator[Chunk | Gap]:
    data = io.BytesIO()
    while part := stream.read(1 << 20):
        data.write(part)
        if data.tell() > _LARGEST_ZIP:
            raise SourceError(f"a zip file of more than {_LARGEST_ZIP} bytes")
    with zipfile.ZipFile(data) as archive:
        for member in archive.infolist():
            if not member.is_dir():
                inside = replace(
                    at,
                    uri=f"{at.uri}!{member.filename}",
                    artifact=f"{at.artifact}!{member.filename}",
                )
                try:
                    with archive.open(member) as plain:
                        yield from _open(_Metered(plain, budget), inside, budget, depth + 1)
                except _LOCKED as error:
                    yield Gap(inside.uri, f"cannot be unpacked: {' '.join(str(error).split())}")


@dataclass
class _Rejoined:
    """A stream whose first bytes have been read already."""

    head: bytes
    stream: Readable

    def read(self, size: int, /) -> bytes:
        if not self.head:
            return self.stream.read(size)
        part, self.head = self.head[:size], self.head[size:]
        return part


@dataclass
class _Metered:
    """A stream that stops when the budget is spent."""

    stream: Readable
    budget: _Budget

    def read(self, size: int, /) -> bytes:
        part = self.stream.read(size)
        self.budget.spend(len(part))
        return part
