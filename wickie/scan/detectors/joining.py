"""Small chunks looked at as one text: a call costs more than what it looks at in them."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from wickie.scan.chunk import Chunk

_SMALL: Final = 4 << 10
_TOGETHER: Final = 64 << 10
# Ends a line, and every run of characters that a rule may bridge from a name to its value: spaces,
# words, what is quoted or in brackets. An ignoring comment reaches to the next line with text.
_SEAM: Final = "\n\u00ac\"'`<>(){}[];,\n".encode()


def groups(batch: Iterable[Chunk]) -> Iterator[list[Chunk]]:
    """Put small neighbours together; what is large, a part of more, or UTF-16 stands alone."""
    group: list[Chunk] = []
    size = 0
    for chunk in batch:
        data = chunk.data
        alone = len(data) > _SMALL or chunk.offset or chunk.more or b"\0" in data
        if group and (alone or size > _TOGETHER):
            yield group
            group, size = [], 0
        if alone:
            yield [chunk]
        else:
            group.append(chunk)
            size += len(data) + len(_SEAM)
    if group:
        yield group


def joined(group: Sequence[Chunk]) -> bytes:
    """Write them one after the other, so that nothing stands in two of them."""
    return _SEAM.join([chunk.data for chunk in group])


def touched(group: Sequence[Chunk], spans: Iterable[tuple[int, int]]) -> list[Chunk]:
    """Those of a group in which any of `spans` of the joined text stands."""
    starts = list(accumulate((len(c.data) + len(_SEAM) for c in group[:-1]), initial=0))
    indexes = {
        index
        for start, end in spans
        for index in range(bisect_right(starts, start) - 1, bisect_right(starts, end))
    }
    return [group[index] for index in sorted(indexes)]
