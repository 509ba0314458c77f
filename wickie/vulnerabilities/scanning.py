"""One target by every scanner, and all targets as one result; what could not be had is a gap."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wickie.errors import Error, SourceError
from wickie.model import Gap
from wickie.vulnerabilities.build import build_of_image
from wickie.vulnerabilities.finding import merged
from wickie.vulnerabilities.scanner import file_sha256
from wickie.vulnerabilities.target import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from wickie.vulnerabilities.finding import Vulnerability
    from wickie.vulnerabilities.risk import Threats
    from wickie.vulnerabilities.scanner import Attestation, Login, Scanner
    from wickie.vulnerabilities.suppression import Suppressions
    from wickie.vulnerabilities.target import Target


@dataclass(frozen=True)
class Scanned:
    """What was seen in one target, by all who looked."""

    reference: str
    by: tuple[str, ...] = ()
    """Who could look."""
    findings: tuple[Vulnerability, ...] = ()
    gaps: tuple[Gap, ...] = ()
    sboms: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)
    """CycloneDX, by who wrote it."""


@dataclass(frozen=True)
class VulnerabilityScan:
    """What one run saw of every target, and what it could not see."""

    run_id: str
    started: datetime
    finished: datetime
    scanners: tuple[Attestation, ...] = ()
    targets: tuple[str, ...] = ()
    """Those that at least one scanner could read."""
    findings: tuple[Vulnerability, ...] = ()
    gaps: tuple[Gap, ...] = ()
    notices: tuple[str, ...] = ()
    """What a person should see to: ignores that have ended."""


def scan_target(
    target: Target, scanners: Mapping[str, Scanner], login: Login | None = None
) -> Scanned:
    """
    Ask every scanner about one target.

    Any that fails is a gap: what the others say of the target is then not all there is to say.
    """
    seen: dict[str, tuple[Vulnerability, ...]] = {}
    gaps: list[Gap] = []
    sboms: dict[str, Mapping[str, Any]] = {}
    for name, scanner in scanners.items():
        try:
            result = scanner.scan(target, login)
            if result.packages == 0:
                raise SourceError(f"{name} recognised no package in it; is it what it should be?")
        except Error as error:
            gaps.append(Gap(target.reference, f"{name}: {error}"))
            continue
        seen[name] = result.findings
        gaps += (Gap(target.reference, f"{name}: {caveat}") for caveat in result.caveats)
        if result.sbom:
            sboms[name] = result.sbom
    builds = _builds(target) if seen else ()
    together = merged(replace(f, builds=builds) for found in seen.values() for f in found)
    return Scanned(target.reference, tuple(seen), together, tuple(gaps), sboms)


def _builds(target: Target) -> tuple[str, ...]:
    """The digest by which AWS tells where the target is deployed, if it has one."""
    if target.kind is Kind.IMAGE:
        return tuple(filter(None, [build_of_image(target.reference)]))
    if target.kind is Kind.LAMBDA_ZIP:
        return (f"sha256:{file_sha256(Path(target.reference))}",)
    return ()


def concluded(
    run_id: str,
    started: datetime,
    scanned: Sequence[Scanned],
    attested: Iterable[Attestation],
    *,
    threats: Threats,
    suppressions: Suppressions,
) -> VulnerabilityScan:
    """Merge the targets' findings, weigh them, and mark those that are suppressed."""
    finished = datetime.now(UTC)
    today = finished.date()
    found = (
        finding
        for each in scanned
        for finding in suppressions.apply(each.findings, each.reference, today)
    )
    return VulnerabilityScan(
        run_id=run_id,
        started=started,
        finished=finished,
        scanners=tuple(attested),
        targets=tuple(each.reference for each in scanned if each.by),
        findings=tuple(map(threats.weigh, merged(found))),
        gaps=tuple(gap for each in scanned for gap in each.gaps),
        notices=suppressions.expired(today),
    )
