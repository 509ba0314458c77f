"""Reads what archives and compressed files hold as if it lay there plainly; writes it nowhere."""

from __future__ import annotations

import io
import lzma
import re
import struct
import tarfile
import zipfile
import zlib
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Final

from wickie.errors import SourceError
from wickie.model import Gap
from wickie.scan.chunk import Chunk, Readable, chunked
from wickie.scan.compression import decompressor
from wickie.scan.tarball import is_tar, members

if TYPE_CHECKING:
    from collections.abc import Iterator

_ZIP: Final = b"PK\x03\x04"
_ZIP_END: Final = b"PK\x05\x06"
_LONGEST_END: Final = 22 + (1 << 16)
_LISTED: Final = re.compile(rb"PK\x01\x02")
_HEAD: Final = 512
"""Bytes by which every format is known."""
_DEEPEST: Final = 6
"""An image saved by docker holds a compressed tar file of a layer, with a zip file in it."""
_LARGEST_ZIP: Final = 256 << 20
"""Bytes of a zip file: its table of contents is at its end, so all of it is held in memory."""
_MEMBERS: Final = 200_000
"""Of a zip file: zipfile lists them all before it opens one."""
_MOST: Final = 1 << 30
"""Bytes unpacked of one artifact: a bomb of a few kilobytes would keep the scan busy for ever."""

_BROKEN: Final = (
    OSError,
    EOFError,
    zlib.error,
    lzma.LZMAError,
    tarfile.TarError,
    zipfile.BadZipFile,
    struct.error,
    RuntimeError,
    ValueError,
    ArithmeticError,
    LookupError,
    SourceError,
)
"""What the standard library raises of what is broken, or encrypted, or packed in other ways."""


class _SpentError(Exception):
    """More was unpacked than one artifact may hold."""


def is_packed(head: bytes) -> bool:
    """Whether a file that begins so is one that `unpacked` opens."""
    return head.startswith(_ZIP) or decompressor(head) is not None or is_tar(head)


@dataclass
class _Budget:
    """What may still be unpacked of an artifact."""

    left: int

    def spend(self, size: int) -> None:
        self.left -= size
        if self.left < 0:
            raise _SpentError


def unpacked(
    stream: Readable, uri: str, artifact: str, source: str, most: int = _MOST
) -> Iterator[Chunk | Gap]:
    """As `chunked`, but of what archives hold; what cannot be unpacked is a gap."""
    try:
        yield from _open(stream, Chunk(b"", uri, artifact, source), _Budget(most), 0)
    except _SpentError:
        yield Gap(uri, f"cannot be unpacked: it holds more than {most} bytes")


def _open(stream: Readable, at: Chunk, budget: _Budget, depth: int) -> Iterator[Chunk | Gap]:
    head = _beginning(stream)
    whole = _Rejoined(head, stream)
    if not is_packed(head) or depth == _DEEPEST:
        if depth == _DEEPEST and is_packed(head):
            yield Gap(at.uri, f"cannot be unpacked: it lies in {depth} others")
        yield from chunked(whole, at.uri, at.artifact, at.source)
        return
    part: Chunk | Gap | None = None
    try:
        if decompress := decompressor(head):
            yield from _open(_Metered(decompress(whole), budget), at, budget, depth + 1)
            return
        for part in (_tarred if is_tar(head) else _zipped)(whole, at, budget, depth):
            yield part
        if part is None:
            yield at  # it was read, and holds nothing
    except _BROKEN as error:
        yield _unpackable(at, error)


def _tarred(stream: Readable, at: Chunk, budget: _Budget, depth: int) -> Iterator[Chunk | Gap]:
    for member, plain in members(stream):
        inside = _inside(at, member.text)
        # What a sparse file has not in the archive comes out of nothing, as from a bomb.
        content = _Metered(plain, budget) if member.issparse() else plain
        yield from _open(content, inside, budget, depth + 1)


def _zipped(stream: Readable, at: Chunk, budget: _Budget, depth: int) -> Iterator[Chunk | Gap]:
    data = _held(stream)
    with zipfile.ZipFile(data) as archive:
        listed = archive.infolist()
        for member in listed:
            if member.is_dir():
                continue
            inside = _inside(at, member.filename)
            try:
                with archive.open(member) as plain:
                    yield from _open(_Metered(plain, budget), inside, budget, depth + 1)
            except _BROKEN as error:
                yield _unpackable(inside, error)

    if (missing := _promised(data) - len(listed)) > 0:
        raise SourceError(f"its table of contents is broken: {missing} members are missing")


def _promised(data: io.BytesIO) -> int:
    """How many members a zip file says it has, in the record that ends it."""
    tail = bytes(data.getbuffer()[-_LONGEST_END:])
    count = tail[tail.rfind(_ZIP_END) :][10:12]
    return int.from_bytes(count, "little") % 0xFFFF  # which means that zip64's record has it


def _held(stream: Readable) -> io.BytesIO:
    data = io.BytesIO()
    while part := stream.read(1 << 20):
        data.write(part)
        if data.tell() > _LARGEST_ZIP:
            raise SourceError(f"a zip file of more than {_LARGEST_ZIP} bytes")
    if next(islice(_LISTED.finditer(data.getbuffer()), _MEMBERS, None), None):
        raise SourceError(f"a zip file of more than {_MEMBERS} members")
    return data


def _inside(at: Chunk, name: str) -> Chunk:
    return replace(at, uri=f"{at.uri}!{name}", artifact=f"{at.artifact}!{name}")


def _unpackable(at: Chunk, error: Exception) -> Gap:
    text = " ".join(str(error).split()) or type(error).__name__
    return Gap(at.uri, f"cannot be unpacked: {text}")


def _beginning(stream: Readable) -> bytes:
    head = b""
    while len(head) < _HEAD and (part := stream.read(_HEAD - len(head))):
        head += part
    return head


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
