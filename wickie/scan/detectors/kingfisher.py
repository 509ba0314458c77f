"""
Recognises credentials by their form and by their context: Kingfisher's rules, and our own.

All are looked for in one pass of one engine, in this process. What our own rules match is judged
once more by its value; see `plausible`. `python -m wickie.scan.detectors.kingfisher` compiles the
rules ahead of time, as an image's build does, and fails if they were not kept.
"""

from __future__ import annotations

import functools
import logging
import re
import sys
from importlib import metadata
from operator import itemgetter
from typing import TYPE_CHECKING, Final

import kingfisher_sdk

from wickie.model import Finding, Gap, Severity
from wickie.scan import rules
from wickie.scan.chunk import Chunk, Match
from wickie.scan.detectors import joining, plausible
from wickie.scan.detectors.limit import limited
from wickie.scan.detectors.presented import Presented
from wickie.scan.identity import finding_id, value_key

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Sequence
    from pathlib import Path

_log = logging.getLogger(__name__)

_SECONDS: Final = 1.0
"""Of CPU for a chunk, a hundred times what text takes: in some nearly every byte may be a match."""
_FIRST: Final = 64 << 10
"""Bytes of such a chunk that are looked at all the same, to tell what it is full of."""
_SEVERITIES: Final = {"high": Severity.HIGH, "medium": Severity.MEDIUM, "low": Severity.LOW}
_BASE64: Final = re.compile(rb"[\w+/=-]+")
_BASE64_BYTES: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
_LONGEST_DATA: Final = 1 << 16
_AROUND: Final = 100
"""Bytes of the line before and after a match that a judgement of it takes into account."""
_URL_RULE: Final = "betterleaks.generic-credential-uri"
"""Of Kingfisher's own; it knows a place like ours, but no form of what stands there."""
_UNFINISHED: Final = re.compile(r"\.{3}|\u2026|\$[({]|\{\{")
"""What is left out, or to be put in: no form of credential has such."""
_STRINGS: Final = re.compile(r':\s*\\?"([^"\s]{16,})"')
_QUOTES: Final = (b'"', b"'", b"`")
_QUOTED: Final = 256


@functools.cache
def _rules(cache_dir: Path | None, builtins: bool) -> kingfisher_sdk.Rules:
    # 4 s of CPU without the cache and 0.3 s with it, once in a process.
    loaded = kingfisher_sdk.Rules(
        rules.FILES, builtins=builtins, confidence="low", cache_dir=cache_dir
    )
    if loaded.cache_status == "bypassed":
        _log.warning(
            "kingfisher's rules are compiled at every start: its cache directory (%s) must be "
            "writable by this user and by nobody else",
            cache_dir or "KF_RULE_CACHE_DIR, or the user's own",
        )
    return loaded


@functools.cache
def _scanner(cache_dir: Path | None, builtins: bool) -> kingfisher_sdk.Scanner:
    loaded = _rules(cache_dir, builtins)
    return kingfisher_sdk.Scanner(loaded, policy=kingfisher_sdk.DetectionPolicy())


def cache_status() -> str:
    """Whether a scan's rules are `loaded` from the cache, or compiled: `stored` or `bypassed`."""
    return str(_rules(None, True).cache_status)


class KingfisherDetector:
    """
    Finds what any of Kingfisher's rules or of ours matches; never uses the network.

    A `kingfisher:ignore` comment on the line, or on one next to it, is honoured.
    """

    def __init__(
        self,
        key: bytes,
        cache_dir: Path | None = None,
        seconds: float = _SECONDS,
        *,
        builtins: bool = True,
        askable: Container[str] = (),
    ) -> None:
        """
        Load the rules.

        Args:
            key: What findings are named with.
            cache_dir: Where compiled rules are kept; by default where Kingfisher does, which is
                KF_RULE_CACHE_DIR or the user's cache directory.
            seconds: How much CPU time one chunk may take.
            builtins: Whether Kingfisher's own rules are among them.
            askable: Rules whose matches somebody is going to ask an issuer about.
        """
        self._key = key
        self._askable = askable
        self._seconds = seconds
        self._scan = limited(_scanner(cache_dir, builtins))

    @property
    def version(self) -> str:
        """See `Detector`."""
        engine = metadata.version("kingfisher-secret-scanner")
        return f"kingfisher {engine} rules {rules.digest()} {plausible.VERSION}"

    def revised(self, finding: Finding) -> Finding:
        """See `Detector`."""
        return finding

    def detect(self, batch: Sequence[Chunk]) -> Iterator[Match | Gap]:
        """
        See `Detector`.

        Small chunks together, to learn in which of them there may be something; these, and large
        ones, each by itself: rules look at what stands around a match.
        """
        for group in joining.groups(chunk for chunk in batch if not chunk.spared):
            for chunk in group if len(group) == 1 else self._suspected(group):
                yield from self._look(chunk)

    def _suspected(self, group: Sequence[Chunk]) -> Sequence[Chunk]:
        found = self._found(joining.joined(group))
        if found is None:
            return group
        places = [(f.location["start_offset"], f.location["end_offset"]) for f in found]
        return joining.touched(group, places) if places else ()

    def _look(self, chunk: Chunk) -> Iterator[Match | Gap]:
        found = self._found(chunk.data)
        if found is None:
            begin, end = chunk.offset, chunk.offset + len(chunk.data)
            told = f"bytes {begin} to {end} took Kingfisher over {self._seconds:g} s"
            rest = f"from byte {begin + _FIRST} on, only managed secrets were looked for"
            yield Gap(chunk.uri, f"{told}; {rest}")
            first = self._found(chunk.data[:_FIRST]) or []
            found = [each for each in first if each.location["end_offset"] < _FIRST]
        if found:
            yield from self._matches(chunk, found)

    def _found(self, data: bytes) -> list[kingfisher_sdk.Finding] | None:
        """What matches; None if that takes too long."""
        try:
            return self._scan(data, timeout=self._seconds)
        except TimeoutError:
            return None

    def _matches(self, chunk: Chunk, found: list[kingfisher_sdk.Finding]) -> Iterator[Match]:
        presented = Presented(found if self._askable else ())
        # A log may hold the same value in every line: it is judged and named once.
        known: dict[tuple[str, str], Finding] = {}
        placed = [(f.location["start_offset"], f) for f in found if f.visible]
        for _, each in sorted(placed, key=itemgetter(0)):
            span = _span(chunk, each)
            if span and _is_cut(chunk, span):
                continue
            value, generic = each.secret, each.rule_id.startswith(rules.PREFIX)
            if generic:
                value, span = _whole(chunk, value, None if each.is_base64_encoded else span)
            finding = known.get((each.rule_id, value))
            if not finding:
                if not _is_credential(chunk, each, value, span, generic=generic):
                    continue
                finding = known[each.rule_id, value] = self._finding(chunk, each, value)
            asked = presented.of(each) if each.rule_id in self._askable else None
            yield Match(finding, chunk, span, generic=generic, credential=asked)

    def _finding(self, chunk: Chunk, found: kingfisher_sdk.Finding, value: str) -> Finding:
        encoded = value.encode()
        return Finding(
            id=finding_id(self._key, found.rule_id, encoded, chunk.artifact),
            rule_id=found.rule_id,
            title=found.rule_name,
            severity=_SEVERITIES[found.confidence],
            location=chunk.at(chunk.first_line + found.location["line"] - 1),
            source=chunk.source,
            value_key=value_key(self._key, encoded, chunk.source, chunk.artifact),
        )


def _span(chunk: Chunk, found: kingfisher_sdk.Finding) -> tuple[int, int] | None:
    """The bytes a match stands in; Kingfisher counts those of UTF-16 as if it were UTF-8."""
    start, end = found.location["start_offset"], found.location["end_offset"]
    region = chunk.data[start:end]
    if found.is_base64_encoded:
        return (start, end) if _BASE64.fullmatch(region) else None
    return (start, end) if found.secret.encode() in region else None


def _whole(
    chunk: Chunk, value: str, span: tuple[int, int] | None
) -> tuple[str, tuple[int, int] | None]:
    """What is quoted, up to the same quote that opens it; rules stop at any."""
    if span is None:
        return value.rstrip("\\"), span
    start, end = span
    quote = chunk.data[max(0, start - 1) : start]
    if quote in _QUOTES:
        close = chunk.data.find(quote, start, start + _QUOTED)
        text = chunk.data[start : max(close, end)]
        if chunk.data[max(0, start - 2) : start - 1] == b"\\":
            text = text.removesuffix(b"\\")
        if close > end and b"\n" not in text and b" " not in text:
            return text.decode(errors="replace"), (start, start + len(text))
    return value.rstrip("\\"), span


def _is_credential(
    chunk: Chunk,
    found: kingfisher_sdk.Finding,
    value: str,
    span: tuple[int, int] | None,
    *,
    generic: bool,
) -> bool:
    if generic or found.rule_id == _URL_RULE:
        return _is_plausible(
            chunk, found, value, span, certain=found.confidence != "low" or not generic
        )
    inside = span and not found.is_base64_encoded and _is_in_data_url(chunk.data, span[0])
    if inside or _UNFINISHED.search(value):
        return False
    # The mapping of an API's names to others has the form of a whole file of credentials.
    return not value.startswith("{") or any(map(plausible.is_random, _STRINGS.findall(value)))


def _is_plausible(
    chunk: Chunk,
    found: kingfisher_sdk.Finding,
    value: str,
    span: tuple[int, int] | None,
    *,
    certain: bool,
) -> bool:
    before = after = b""
    if span:
        start, end = span
        before = chunk.data[max(0, start - _AROUND) : start].rpartition(b"\n")[2]
        after = chunk.data[end : end + _AROUND].partition(b"\n")[0]
    return plausible.plausible(
        found.rule_id,
        value,
        before.decode(errors="replace"),
        after.decode(errors="replace"),
        certain=certain,
    )


def _is_in_data_url(data: bytes, position: int) -> bool:
    """Whether it stands in base64 of an image or font, where any short form comes up by chance."""
    before = data[max(0, position - _LONGEST_DATA) : position]
    return before.rstrip(_BASE64_BYTES).endswith(b";base64,")


def _is_cut(chunk: Chunk, span: tuple[int, int]) -> bool:
    """Whether a match runs up to the chunk's border; the neighbour has it whole."""
    return (span[0] == 0 and chunk.offset > 0) or (span[1] == len(chunk.data) and chunk.more)


if __name__ == "__main__":
    if cache_status() == "bypassed":
        sys.exit(1)
