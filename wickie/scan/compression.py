"""Reads streams that are compressed by themselves: gzip, bzip2, xz and, from Python 3.14, zstd."""

from __future__ import annotations

import bz2
import gzip
import lzma
from dataclasses import dataclass, field
from importlib import import_module, util
from typing import IO, TYPE_CHECKING, Any, Final, Protocol, cast

from wickie.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wickie.scan.chunk import Readable

_PIECE: Final = 1 << 16
_DICTIONARY: Final = 192 << 20
"""Bytes that xz may take; its level 9 takes 65 MB, and a file may ask for 4 GB."""


class _Decompressor(Protocol):
    """What bz2, lzma and compression.zstd have in common."""

    eof: bool
    needs_input: bool
    unused_data: bytes

    def decompress(self, data: bytes, max_length: int) -> bytes: ...


@dataclass
class _Plain:
    """What a compressed stream holds; like the tools themselves, one member after another."""

    stream: Readable
    make: Callable[[], _Decompressor]
    current: _Decompressor | None = None
    rest: bytes = field(default=b"", repr=False)

    def read(self, size: int, /) -> bytes:
        while True:
            if self.current is None:
                self.rest = self.rest or self.stream.read(_PIECE)
                if not self.rest:
                    return b""
                self.current = self.make()
            piece = self.current.decompress(self._needed(self.current), size)
            if self.current.eof:
                self.rest, self.current = self.current.unused_data, None
            if piece:
                return piece

    def _needed(self, current: _Decompressor) -> bytes:
        if not current.needs_input:
            return b""
        given, self.rest = self.rest or self.stream.read(_PIECE), b""
        if not given:
            raise EOFError("it ends in the middle")
        return given


def _gzip(stream: Readable) -> Readable:
    # It reads, and seeks only where its user does.
    return gzip.GzipFile(fileobj=cast("IO[bytes]", stream), mode="rb")


def _bzip2(stream: Readable) -> Readable:
    return _Plain(stream, cast("Any", bz2.BZ2Decompressor))


def _xz(stream: Readable) -> Readable:
    return _Plain(stream, lambda: cast("Any", lzma.LZMADecompressor(memlimit=_DICTIONARY)))


def _zstd(stream: Readable) -> Readable:
    if not util.find_spec("compression"):
        raise SourceError("zstd takes Python 3.14")
    return _Plain(stream, import_module("compression.zstd").ZstdDecompressor)


FORMATS: Final[Mapping[bytes, Callable[[Readable], Readable]]] = {
    b"\x1f\x8b": _gzip,
    b"BZh": _bzip2,
    b"\xfd7zXZ\x00": _xz,
    b"\x28\xb5\x2f\xfd": _zstd,
}
"""By what a stream begins with."""


def decompressor(head: bytes) -> Callable[[Readable], Readable] | None:
    """What reads a stream that begins so, if it is compressed."""
    if head.startswith(b"BZh") and head[4:10] != b"1AY&SY":
        return None  # text may begin so
    return next((open_ for magic, open_ in FORMATS.items() if head.startswith(magic)), None)
