"""Recognises credentials by their form, with Kingfisher's rules, in this process."""

from __future__ import annotations

import functools
import logging
import re
from importlib import metadata
from operator import itemgetter
from typing import TYPE_CHECKING, Final

import kingfisher_sdk

from wickie.model import Finding, Gap, Severity
from wickie.scan.chunk import Chunk, Match
from wickie.scan.identity import finding_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_log = logging.getLogger(__name__)

_SECONDS: Final = 30.0
_SEVERITIES: Final = {"high": Severity.HIGH, "medium": Severity.MEDIUM, "low": Severity.LOW}
_BASE64: Final = re.compile(rb"[\w+/=-]+")


@functools.cache
def _scanner(cache_dir: Path | None) -> kingfisher_sdk.Scanner:
    # 4 s of CPU without the cache and 0.3 s with it, once in a process.
    rules = kingfisher_sdk.Rules(cache_dir=cache_dir)
    if rules.cache_status == "bypassed":
        _log.warning(
            "kingfisher's rules are compiled at every start: its cache directory (%s) must be "
            "writable by this user and by nobody else",
            cache_dir or "KF_RULE_CACHE_DIR, or the user's own",
        )
    return kingfisher_sdk.Scanner(rules, policy=kingfisher_sdk.DetectionPolicy())


class KingfisherDetector:
    """
    Finds what any of Kingfisher's rules matches; never uses the network.

    A `kingfisher:ignore` comment on the line, or on one next to it, is honoured.
    """

    def __init__(
        self, key: bytes, cache_dir: Path | None = None, seconds: float = _SECONDS
    ) -> None:
        """
        Load the rules.

        Args:
            key: What findings are named with.
            cache_dir: Where compiled rules are kept; by default where Kingfisher does, which is
                KF_RULE_CACHE_DIR or the user's cache directory.
            seconds: How long one chunk may take.
        """
        self._key = key
        self._seconds = seconds
        self._scan = _scanner(cache_dir).scan

    @property
    def version(self) -> str:
        """See `Detector`."""
        return f"kingfisher {metadata.version('kingfisher-secret-scanner')}"

    def revised(self, finding: Finding) -> Finding:
        """See `Detector`."""
        return finding

    def detect(self, batch: Sequence[Chunk]) -> Iterator[Match | Gap]:
        """See `Detector`. Each chunk by itself: rules look at what stands around a match."""
        for chunk in batch:
            try:
                found = self._scan(chunk.data, timeout=self._seconds)
            except TimeoutError:
                where = f"bytes {chunk.offset} to {chunk.offset + len(chunk.data)}"
                yield Gap(chunk.uri, f"{where} took Kingfisher over {self._seconds:g} s")
                continue
            if found:
                yield from self._matches(chunk, found)

    def _matches(self, chunk: Chunk, found: list[kingfisher_sdk.Finding]) -> Iterator[Match]:
        placed = [(f.location["start_offset"], f) for f in found if f.visible]
        for _, each in sorted(placed, key=itemgetter(0)):
            span = _span(chunk, each)
            if span and _is_cut(chunk, span):
                continue
            value = each.secret.encode()
            finding = Finding(
                id=finding_id(self._key, each.rule_id, value, chunk.artifact),
                rule_id=each.rule_id,
                title=each.rule_name,
                severity=_SEVERITIES[each.confidence],
                location=chunk.at(chunk.first_line + each.location["line"] - 1),
                source=chunk.source,
            )
            yield Match(finding, chunk, span)


def _span(chunk: Chunk, found: kingfisher_sdk.Finding) -> tuple[int, int] | None:
    """The bytes a match stands in; Kingfisher counts those of UTF-16 as if it were UTF-8."""
    start, end = found.location["start_offset"], found.location["end_offset"]
    region = chunk.data[start:end]
    if found.is_base64_encoded:
        return (start, end) if _BASE64.fullmatch(region) else None
    return (start, end) if found.secret.encode() in region else None


def _is_cut(chunk: Chunk, span: tuple[int, int]) -> bool:
    """Whether a match runs up to the chunk's border; the neighbour has it whole."""
    return (span[0] == 0 and chunk.offset > 0) or (span[1] == len(chunk.data) and chunk.more)
