"""What counts of several matches in the same place: who knows the value best has the word."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from itertools import accumulate
from typing import TYPE_CHECKING

from wickie.model import Severity
from wickie.scan.chunk import Match

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wickie.model import Gap


def settled(seen: Sequence[Match | Gap]) -> list[Match | Gap]:
    """
    Drop each match that overlaps one which knows better.

    A managed value is a certainty; a rule that knows a form of credential comes next, and generic
    rules last, of which only one may speak in a place.
    """
    chunks = defaultdict[int, list[Match]](list)
    for each in seen:
        if isinstance(each, Match):
            chunks[id(each.chunk)].append(each)
    kept = {id(match) for matches in chunks.values() for match in _of_chunk(matches)}
    return [each for each in seen if not isinstance(each, Match) or id(each) in kept]


def _of_chunk(matches: Sequence[Match]) -> Sequence[Match]:
    ranks = defaultdict[int, list[Match]](list)
    for match in matches:
        ranks[_rank(match)].append(match)
    if list(ranks) in ([0], [1]):
        return matches
    kept: list[Match] = []
    for rank in sorted(ranks):
        places = _Places(kept)
        others = [match for match in ranks[rank] if not places.overlap(match)]
        kept += _apart(others) if others and others[0].generic else others
    return kept


def _rank(match: Match) -> int:
    if match.finding.managed:
        return 0
    if not match.generic:
        return 1
    return 3 if match.finding.severity is Severity.LOW else 2


def _apart(matches: Iterable[Match]) -> list[Match]:
    """Of those that overlap each other, the first and longest."""
    spanned = sorted((match for match in matches if match.span), key=_place)
    apart, end = [match for match in matches if not match.span], 0
    for match in spanned:
        if match.span and match.span[0] >= end:
            apart.append(match)
            end = match.span[1]
    return apart


def _place(match: Match) -> tuple[int, int, str]:
    start, end = match.span or (0, 0)
    return start, -end, match.finding.rule_id


class _Places:
    """Where in a chunk matches stand."""

    def __init__(self, matches: Iterable[Match]) -> None:
        spans = sorted(match.span for match in matches if match.span)
        self._starts = [start for start, _ in spans]
        self._reach = list(accumulate((end for _, end in spans), max))
        self._lines = {match.finding.location.line for match in matches}

    def overlap(self, match: Match) -> bool:
        if match.span is None:
            return match.finding.location.line in self._lines
        before = bisect_left(self._starts, match.span[1])
        return before > 0 and self._reach[before - 1] > match.span[0]
