"""
Recognises values of managed secrets by their fingerprints alone, in any encoding.

Of every eight bytes of text one 64-bit word is hashed; where it is a known window, the keyed digest
of the whole value settles it. See `windows`.
"""

from __future__ import annotations

import functools
from bisect import bisect_right
from dataclasses import replace
from itertools import accumulate
from typing import TYPE_CHECKING, Final

import numpy as np

from wickie.fingerprints import STRIDE, WindowHash, digest
from wickie.model import Finding, ManagedVersion, Severity, Stage
from wickie.scan.chunk import Chunk, Match
from wickie.scan.detectors.windows import KnownWindows
from wickie.scan.identity import finding_id, value_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from wickie.fingerprints import Fingerprint

RULE: Final = "wickie.managed-secret"
HONEYTOKEN_RULE: Final = "wickie.honeytoken"

_SEVERITIES: Final = {
    Stage.CURRENT: Severity.CRITICAL,
    Stage.PENDING: Severity.CRITICAL,
    Stage.PREVIOUS: Severity.HIGH,
    Stage.RETIRED: Severity.INFORMATIONAL,
}


class ManagedDetector:
    """Finds values of managed secrets, of which it knows only fingerprints."""

    def __init__(self, fingerprints: Iterable[Fingerprint], key: bytes) -> None:
        self._fingerprints = tuple(fingerprints)
        self._key = key
        windows = np.array([f.windows for f in self._fingerprints], np.uint32).ravel()
        self._order = np.argsort(windows, kind="stable")
        self._windows = windows[self._order]
        self._known = KnownWindows(WindowHash.of(key), self._windows)
        self._versions = {
            (f.arn, f.version_id): (f.stage, f.honeytoken) for f in self._fingerprints
        }

    @property
    def version(self) -> str:
        """
        See `Detector`.

        Only a value that was in use before its print was published can stand in text that an
        earlier scan has seen. A value that rotation has made is printed before anyone has it.
        """
        return f"managed 1 {max((f.adopted for f in self._fingerprints), default=0)}"

    def revised(self, finding: Finding) -> Finding | None:
        """See `Detector`. Rotation moves stages while text stays."""
        if finding.managed is None:
            return finding
        version = finding.managed
        today = self._versions.get((version.arn, version.version_id))
        if today is None:
            return None
        stage, honeytoken = today
        return _of_version(finding, replace(version, stage=stage, honeytoken=honeytoken))

    def knows(self, value: bytes) -> bool:
        """Whether the value of a managed secret is, or is part of, this one."""
        return any(True for _ in self._hits(value))

    def detect(self, batch: Sequence[Chunk]) -> Iterator[Match]:
        """See `Detector`. All of the batch at once: numpy's calls cost more than small chunks."""
        if not self._fingerprints:
            return
        starts = list(accumulate((len(chunk.data) + 1 for chunk in batch), initial=0))
        text = batch[0].data if len(batch) == 1 else b"\n".join(chunk.data for chunk in batch)
        findings: dict[tuple[int, str, str], Finding] = {}
        for position, fingerprint in self._hits(text):
            index = bisect_right(starts, position) - 1
            chunk, start = batch[index], position - starts[index]
            end = start + fingerprint.length
            if end > len(chunk.data):
                continue
            known = (index, fingerprint.arn, fingerprint.version_id)
            if known not in findings:
                findings[known] = self._finding(chunk, start, fingerprint)
            yield Match(findings[known], chunk, (start, end))

    def _finding(self, chunk: Chunk, start: int, found: Fingerprint) -> Finding:
        version = ManagedVersion(
            found.arn, found.version_id, found.stage, found.encoding, found.honeytoken
        )
        value = f"{version.arn} {version.version_id}".encode()
        finding = Finding(
            id=finding_id(self._key, RULE, value, chunk.artifact),
            rule_id=RULE,
            title="",
            severity=Severity.CRITICAL,
            location=chunk.at(chunk.line(start)),
            source=chunk.source,
            value_key=value_key(self._key, value, chunk.source, chunk.artifact),
        )
        return _of_version(finding, version)

    def _hits(self, text: bytes) -> Iterator[tuple[int, Fingerprint]]:
        """Where in `text` which encoded values begin, in order of the eighth bytes in them."""
        view = memoryview(text)
        # A log may hold the same value a hundred thousand times.
        entries, digested = functools.cache(self._entries), functools.cache(self._digest)
        for position, window in self._known.within(text):
            for fingerprint, shift in entries(window):
                start = position - shift
                value = bytes(view[max(start, 0) : start + fingerprint.length])
                whole = start >= 0 and len(value) == fingerprint.length
                if whole and digested(value) == fingerprint.digest:
                    yield start, fingerprint

    def _digest(self, value: bytes) -> bytes:
        return digest(value, self._key)

    def _entries(self, window: int) -> list[tuple[Fingerprint, int]]:
        """The values that have a window with this hash, and how far into them it is."""
        begin, end = (
            np.searchsorted(self._windows, np.uint32(window), side) for side in ("left", "right")
        )
        places = (divmod(entry, STRIDE) for entry in self._order[begin:end].tolist())
        return [(self._fingerprints[index], shift) for index, shift in places]


def _of_version(finding: Finding, version: ManagedVersion) -> Finding:
    name = version.arn.partition(":secret:")[2] or version.arn
    if version.honeytoken:
        return replace(
            finding,
            rule_id=HONEYTOKEN_RULE,
            title=f"Honeytoken {name}, which nobody may use",
            managed=version,
        )
    return replace(
        finding,
        title=f"{version.stage.value} value of the managed secret {name}",
        severity=_SEVERITIES[version.stage],
        managed=version,
    )
