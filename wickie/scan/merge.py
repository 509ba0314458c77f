"""Makes one result of what several parts of a run saw."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wickie.model import Finding, Gap, ScanResult, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable

_VERDICTS = tuple(Verdict)


def merged(results: Iterable[ScanResult]) -> ScanResult:
    """
    Join at least one result; neither their order nor how they are grouped makes a difference.

    A finding that several saw is told once, where it stands first by its location.
    """
    parts = list(results)
    (run_id,) = {part.run_id for part in parts}
    findings: dict[str, Finding] = {}
    for finding in sorted((f for part in parts for f in part.findings), key=_place):
        findings.setdefault(finding.id, finding)
    gaps = {gap for part in parts for gap in part.gaps}
    return ScanResult(
        run_id=run_id,
        started=min(part.started for part in parts),
        finished=max(part.finished for part in parts),
        bytes_scanned=sum(part.bytes_scanned for part in parts),
        artifacts=sum(part.artifacts for part in parts),
        unchanged=sum(part.unchanged for part in parts),
        findings=tuple(findings.values()),
        gaps=tuple(sorted(gaps, key=_named)),
        notices=tuple(sorted({told for part in parts for told in part.notices})),
    )


def _place(finding: Finding) -> tuple[Any, ...]:
    """A total order: what else two sightings differ in decides last, and always in the same way."""
    place = finding.location
    return (place.uri, place.line or 0, finding.id, _VERDICTS.index(finding.verdict), repr(finding))


def _named(gap: Gap) -> tuple[str, str]:
    return gap.uri, gap.reason
