"""
Text that repeats itself is looked at once.

A rule costs the more the more often it nearly matches, so a megabyte of one line that looks like a
key keeps Kingfisher busy for ten seconds. Of a run of the same over and over, what is left is so
much at both of its ends that whatever is shorter than `OVERLAP` stands in it whole, at every
position that it has in the run and at its borders: nothing is found less often than once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, NamedTuple

from wickie.scan.chunk import OVERLAP, Chunk

if TYPE_CHECKING:
    from collections.abc import Iterator

_STEP: Final = 64 << 10
"""Bytes between two places where a run is looked for; shorter ones are not worth it."""
_LONGEST: Final = 8 << 10
"""Bytes of what is repeated."""
_PROBE: Final = 1 << 10
_EVEN: Final = 8
"""Pieces begin at multiples of it, so that they are not out of step with UTF-16."""


class _Run(NamedTuple):
    begin: int
    end: int
    unit: bytes
    """What it repeats."""


@dataclass
class Unrepeated:
    """The chunks of an artifact, in their order, without what they only repeat."""

    _unit: bytes = b""
    """What the last chunk repeated up to its end."""

    def of(self, chunk: Chunk) -> Iterator[Chunk]:
        """Leave of `chunk` what is to be looked at, in pieces with places of their own."""
        known, self._unit = self._unit if chunk.offset else b"", b""
        begin, size = 0, len(chunk.data)
        for run in _runs(chunk.data):
            kept = OVERLAP + len(run.unit)
            if run.begin or len(run.unit) != len(known) or run.unit not in known * 2:
                yield _piece(chunk, begin, run.begin + kept)
            if run.end == size and chunk.more:
                self._unit = run.unit
                return
            begin = (run.end - kept) // _EVEN * _EVEN
        yield _piece(chunk, begin, size)


def _piece(chunk: Chunk, begin: int, end: int) -> Chunk:
    if begin == 0 and end == len(chunk.data):
        return chunk
    return replace(
        chunk,
        data=chunk.data[begin:end],
        offset=chunk.offset + begin,
        first_line=chunk.line(begin),
        more=chunk.more or end < len(chunk.data),
    )


def _runs(data: bytes) -> Iterator[_Run]:
    """Runs that are worth being cut out, none of which overlap."""
    at, last = 0, len(data) - _STEP - _LONGEST
    while at <= last:
        run = _run(data, at)
        if run:
            yield run
        at = run.end if run else at + _STEP


def _run(data: bytes, at: int) -> _Run | None:
    again = data.find(data[at : at + _PROBE], at + 1, at + _PROBE + _LONGEST)
    if again < 0:
        return None
    period, end = again - at, again
    while (size := min(_STEP, len(data) - end)) and (
        data[end : end + size] == data[end - period : end - period + size]
    ):
        end += size
    return _Run(at, end, data[at:again]) if end - at >= _STEP else None
