"""The record of a scan for vulnerabilities, for programs, Athena, code scanning and people."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

from wickie.model import Severity, to_jsonable
from wickie.report import document
from wickie.report.headline import count
from wickie.report.sarif import (
    LEVELS,
    SECURITY_SEVERITIES,
    fingerprints,
    notification,
    suppression,
    utc,
)
from wickie.report.sarif import sarif_uri as uri

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from wickie.response.action import Outcome
    from wickie.vulnerabilities.finding import Vulnerability
    from wickie.vulnerabilities.scanning import VulnerabilityScan

_SEVEREST_FIRST: Final = tuple(Severity)
_FOUND: Final = 10


@dataclass(frozen=True)
class VulnerabilityReport:
    """One scan of one stage."""

    stage: str
    scan: VulnerabilityScan
    rollbacks: tuple[Outcome, ...] = ()
    """What was done about builds with such findings."""

    @property
    def kind(self) -> str:
        """What results are partitioned by first."""
        return "vulnerability-scan"

    @property
    def run_id(self) -> str:
        """The run that scanned."""
        return self.scan.run_id

    @property
    def day(self) -> str:
        """The UTC day the run began."""
        return f"{self.scan.started.astimezone(UTC):%Y-%m-%d}"

    @property
    def ended(self) -> datetime:
        """When the run was over."""
        return self.scan.finished

    @property
    def records(self) -> Mapping[str, Sequence[object]]:
        """What JSON lines are made of, by their kinds."""
        return {"vulnerabilities": self.findings, "gaps": self.scan.gaps}

    @property
    def findings(self) -> tuple[Vulnerability, ...]:
        """What is not suppressed comes first; then what is exploited, risky, severe."""
        return tuple(sorted(self.scan.findings, key=_urgency))

    @property
    def counted(self) -> tuple[Vulnerability, ...]:
        """Those that nothing suppresses."""
        return tuple(found for found in self.findings if not found.suppressed_by)

    @property
    def headline(self) -> str:
        """What it amounts to; never clean where something went unread."""
        hidden = len(self.findings) - len(self.counted)
        beside = f"; {hidden:,} suppressed" if hidden else ""
        gaps = f"; {count(len(self.scan.gaps), 'gap')}" if self.scan.gaps else ""
        if not self.scan.targets:
            return f"Nothing was scanned, so nothing is known{gaps}"
        if not self.counted:
            where = " in what could be scanned" if gaps else ""
            return f"No vulnerability found{where}{beside}{gaps}"
        worst = self.counted[0].severity.lower()
        named = "vulnerability" if len(self.counted) == 1 else "vulnerabilities"
        return f"{len(self.counted):,} {named}, the most urgent {worst}{beside}{gaps}"

    def exit_code(self) -> int:
        """0 clean, 10 findings that nothing suppresses, 1 not everything could be scanned."""
        if self.counted:
            return _FOUND
        return 1 if self.scan.gaps or not self.scan.targets else 0


def render_json(report: VulnerabilityReport) -> str:
    """The whole report as one JSON document."""
    return document.render_json(report, headline=report.headline)


def render_sarif(report: VulnerabilityReport) -> str:
    """The scan as a SARIF 2.1.0 log of one run; scanners are its tool's extensions."""
    rules = _rules(report.findings)
    index = {rule["id"]: position for position, rule in enumerate(rules)}
    scan = report.scan
    engines = [
        {"name": a.engine, "version": a.version, "properties": to_jsonable(a)}
        for a in scan.scanners
    ]
    run = {
        "tool": {
            "driver": {"name": "wickie", "semanticVersion": version("wickie"), "rules": rules},
            "extensions": engines,
        },
        "automationDetails": {"id": f"wickie-vulnerabilities/{report.stage}/{report.run_id}"},
        "invocations": [
            {
                "executionSuccessful": bool(scan.targets),
                "startTimeUtc": utc(scan.started),
                "endTimeUtc": utc(scan.finished),
                "toolExecutionNotifications": [notification(gap) for gap in scan.gaps],
            }
        ],
        "results": [_result(finding, index) for finding in report.findings],
    }
    log = {
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [run],
    }
    return json.dumps(log, indent=2, ensure_ascii=False) + "\n"


def _rules(findings: Sequence[Vulnerability]) -> list[dict[str, Any]]:
    """Each advisory, as severe as the worst of its findings."""
    worst: dict[str, Vulnerability] = {}
    for found in sorted(findings, key=lambda each: _SEVEREST_FIRST.index(each.severity)):
        worst.setdefault(found.advisory, found)
    return [
        {
            "id": advisory,
            "shortDescription": {"text": found.title[:1000]},
            **({"helpUri": found.url} if found.url else {}),
            "defaultConfiguration": {"level": LEVELS[found.severity]},
            "properties": {
                "security-severity": str(max(found.cvss, default=0.0))
                if any(found.cvss)
                else SECURITY_SEVERITIES[found.severity],
                "tags": ["security", "vulnerability"],
            },
        }
        for advisory, found in sorted(worst.items())
    ]


def _result(found: Vulnerability, index: Mapping[str, int]) -> dict[str, Any]:
    physical: dict[str, Any] = {"artifactLocation": {"uri": uri(found.location.uri)}}
    if found.location.line is not None:
        physical["region"] = {"startLine": found.location.line}
    remedy = f"; fixed in {', '.join(found.fixed)}" if found.fixed else "; no fix yet"
    text = f"{found.package} {found.installed}: {found.advisory}{remedy}"
    result: dict[str, Any] = {
        "ruleId": found.advisory,
        "ruleIndex": index[found.advisory],
        "level": LEVELS[found.severity],
        "message": {"text": text},
        "locations": [{"physicalLocation": physical}],
        "partialFingerprints": fingerprints(found.id),
        "properties": {
            name: to_jsonable(getattr(found, name))
            for name in ("purl", "fixed", "severity", "epss", "kev", "risk", "layer", "seen_by")
        },
    }
    if found.suppressed_by:
        result["suppressions"] = [suppression(found.suppressed_by)]
    if found.first_seen and found.last_seen:
        result["baselineState"] = "unchanged" if found.first_seen < found.last_seen else "new"
        result["provenance"] = {
            "firstDetectionTimeUtc": utc(found.first_seen),
            "lastDetectionTimeUtc": utc(found.last_seen),
        }
    return result


def _urgency(found: Vulnerability) -> tuple[bool, bool, float, int, str, str]:
    return (
        found.suppressed_by is not None,
        not found.kev,
        -(found.risk or 0.0),
        _SEVEREST_FIRST.index(found.severity),
        found.location.uri,
        found.advisory,
    )
