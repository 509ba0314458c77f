"""The nouns of a scan: sources hold artifacts, read in chunks; detectors find matches in them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from wickie.model import Finding, Gap, Location

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from wickie.credentials import AccessKey, Sensitive

SIZE: Final = 1 << 20
OVERLAP: Final = 8 << 10
"""Bytes that a chunk shares with the next, so that nothing shorter is lost at their border."""
_NEWLINE: Final = 10


@dataclass(frozen=True)
class Chunk:
    """A piece of an artifact, at most `SIZE + OVERLAP` bytes long."""

    data: bytes = field(repr=False)
    uri: str
    """Where a reader finds it: with the commit, or revision."""
    artifact: str
    """Which artifact it is, the same tomorrow: without line, commit or revision."""
    source: str
    offset: int = 0
    first_line: int = 1
    more: bool = False
    """Whether another chunk of the same artifact follows."""
    part: str = ""
    """Which part of it this is, where lines would mean nothing: a variable of an environment."""
    spared: bool = False
    """Whether only certainties are looked for, because of the rest there was enough before it."""

    @property
    def size(self) -> int:
        """Bytes that no other chunk holds."""
        return min(len(self.data), SIZE) if self.more else len(self.data)

    def line(self, position: int) -> int:
        """The line of the artifact in which a byte of this chunk stands."""
        return self.first_line + _lines(self.data[:position])

    def at(self, line: int) -> Location:
        """Where that line is, for a reader."""
        return Location(f"{self.uri}#{self.part}") if self.part else Location(self.uri, line)


@dataclass(frozen=True)
class Match:
    """A finding, and the bytes it was made of."""

    finding: Finding
    chunk: Chunk
    span: tuple[int, int] | None
    """None where the detector read the chunk in another encoding than it is in."""
    generic: bool = False
    """Whether it rests on the context alone: what knows the value's form knows better."""
    credential: Sensitive | AccessKey | None = field(default=None, repr=False)
    """What an issuer can be asked about, where somebody wants to; it goes no further."""


class Readable(Protocol):
    """A binary stream, as files and S3 bodies are."""

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes; none at the end."""


@dataclass(frozen=True)
class Artifact:
    """One thing that a source holds, not read yet."""

    uri: str
    """Where a reader finds it: with the commit, or revision."""
    id: str
    """Which artifact it is, the same tomorrow: without line, commit or revision."""
    source: str
    read: Callable[[], Iterator[Chunk | Gap]] = field(repr=False)
    """Read it once, part by part; a part that cannot be read is a `Gap`."""
    version: str = ""
    """What differs whenever its content does, known without reading it: an ETag, a digest."""
    ahead: bool = False
    """Whether it is small, takes a round trip, and so is best read several at a time."""
    size: int = 0
    """Bytes, where a listing tells; 0: unknown."""


class Source(Protocol):
    """Something to be scanned, listed and read lazily."""

    @property
    def uri(self) -> str:
        """How a person knows it."""

    @property
    def kind(self) -> str:
        """What it is called in wickie.yaml."""

    def artifacts(self) -> Iterator[Artifact | Gap]:
        """
        List everything once; what cannot be listed is a `Gap`.

        Raises:
            SourceError: it cannot be read as a whole.
        """


class Detector(Protocol):
    """Recognises credentials in text. Called by several threads at once."""

    @property
    def version(self) -> str:
        """What differs whenever it may find something else in the same bytes."""

    def detect(self, batch: Sequence[Chunk]) -> Iterable[Match | Gap]:
        """
        Find what is in each of `batch`; a chunk that cannot be judged is a `Gap`.

        Many at once, because most artifacts are small and some detectors costly to call.
        """

    def revised(self, finding: Finding) -> Finding | None:
        """Say of an earlier finding what it would be today; None if it would not be one."""


def chunked(stream: Readable, uri: str, artifact: str, source: str) -> Iterator[Chunk]:
    """Read `stream` to its end in chunks that overlap; an empty one is one empty chunk."""
    offset, line = 0, 1
    held = _fill(stream, b"")
    while True:
        more = len(held) > SIZE + OVERLAP
        data = held[: SIZE + OVERLAP]
        yield Chunk(data, uri, artifact, source, offset, line, more)
        if not more:
            return
        offset += SIZE
        line += _lines(held[:SIZE])
        held = _fill(stream, held[SIZE:])


def _fill(stream: Readable, held: bytes) -> bytes:
    """Read until there is one byte more than a chunk holds, which tells whether more follow."""
    parts, missing = [held] if held else [], SIZE + OVERLAP + 1 - len(held)
    while missing > 0 and (part := stream.read(missing)):
        parts.append(part)
        missing -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _lines(data: bytes) -> int:
    import numpy as np  # noqa: PLC0415  (slow; this module is imported for what it declares, too)

    # `bytes.count` starts anew at each find: a tenth of this speed where lines are short.
    return int(np.count_nonzero(np.frombuffer(data, np.uint8) == _NEWLINE))
