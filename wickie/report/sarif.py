"""
The report as SARIF 2.1.0, for code scanning and editors. Holds no snippet, by intent.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

import json
from datetime import UTC
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from wickie.model import Severity

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from wickie.model import Finding, Gap, ScanResult, Suppression
    from wickie.report.record import Report

LEVELS: Final[Mapping[Severity, str]] = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
    Severity.INFORMATIONAL: "note",
}
# The scale code scanning sorts by: over 9.0 critical, 7.0 high, 4.0 medium, below it low.
# https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning
SECURITY_SEVERITIES: Final[Mapping[Severity, str]] = {
    Severity.CRITICAL: "9.5",
    Severity.HIGH: "8.0",
    Severity.MEDIUM: "5.5",
    Severity.LOW: "2.0",
    Severity.INFORMATIONAL: "0.0",
}
# By the second GitHub's code scanning knows a result; given none, its uploader makes one of the
# lines around, which changes with them.
_FINGERPRINTS: Final = ("wickieFinding/v1", "primaryLocationLineHash")
_URI_CHARACTERS: Final = "/:#@!$&'()*+,;=~"


def render_sarif(report: Report) -> str:
    """The scan's findings and gaps as a SARIF log of one run."""
    rules = _rules(report)
    index = {rule["id"]: position for position, rule in enumerate(rules)}
    run = {
        "tool": {
            "driver": {
                "name": "wickie",
                "semanticVersion": version("wickie"),
                "rules": rules,
            }
        },
        "automationDetails": {"id": f"wickie/{report.stage}/{report.run_id}"},
        "invocations": [_invocation(report.scan)] if report.scan else [],
        "results": [_result(finding, index) for finding in report.findings],
    }
    log = {
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [run],
    }
    return json.dumps(log, indent=2, ensure_ascii=False) + "\n"


def _rules(report: Report) -> list[dict[str, Any]]:
    """Each rule that matched, as severe as the worst of its findings."""
    worst: dict[str, Finding] = {}
    severities = list(Severity)
    for finding in report.findings:
        known = worst.get(finding.rule_id)
        if known is None or severities.index(finding.severity) < severities.index(known.severity):
            worst[finding.rule_id] = finding
    return [
        {
            "id": rule_id,
            "shortDescription": {"text": finding.title},
            "defaultConfiguration": {"level": LEVELS[finding.severity]},
            "properties": {
                "security-severity": SECURITY_SEVERITIES[finding.severity],
                "tags": ["security", "secret"],
            },
        }
        for rule_id, finding in sorted(worst.items())
    ]


def _result(finding: Finding, index: Mapping[str, int]) -> dict[str, Any]:
    physical: dict[str, Any] = {"artifactLocation": {"uri": sarif_uri(finding.location.uri)}}
    if finding.location.line is not None:
        physical["region"] = {"startLine": finding.location.line}
    properties: dict[str, Any] = {
        "source": finding.source,
        "verdict": finding.verdict.value,
        "severity": finding.severity.value,
        "valueKey": finding.value_key,
    }
    if finding.managed:
        properties["managedSecret"] = {
            "arn": finding.managed.arn,
            "version": finding.managed.version_id,
            "stage": finding.managed.stage.value,
            "encoding": finding.managed.encoding,
        }
    result: dict[str, Any] = {
        "ruleId": finding.rule_id,
        "ruleIndex": index[finding.rule_id],
        "level": LEVELS[finding.severity],
        "message": {"text": finding.title},
        "locations": [{"physicalLocation": physical}],
        "partialFingerprints": fingerprints(finding.id),
        "properties": properties,
    }
    if finding.suppressed_by:
        result["suppressions"] = [suppression(finding.suppressed_by)]
    if finding.first_seen and finding.last_seen:
        seen_before = finding.first_seen < finding.last_seen
        result["baselineState"] = "unchanged" if seen_before else "new"
        result["provenance"] = {
            "firstDetectionTimeUtc": utc(finding.first_seen),
            "lastDetectionTimeUtc": utc(finding.last_seen),
        }
    return result


def _invocation(scan: ScanResult) -> dict[str, Any]:
    return {
        "executionSuccessful": bool(scan.artifacts) or not scan.gaps,
        "startTimeUtc": utc(scan.started),
        "endTimeUtc": utc(scan.finished),
        "toolExecutionNotifications": [notification(gap) for gap in scan.gaps],
    }


def suppression(by: Suppression) -> dict[str, Any]:
    """Who has decided that it does not count, and why."""
    why = " ".join(filter(None, (by.owner, by.reason)))
    return {"kind": "external", "status": "accepted", "justification": why}


def fingerprints(id_: str) -> dict[str, str]:
    """What makes a result the same result tomorrow, by the names it is looked up by."""
    return dict.fromkeys(_FINGERPRINTS, id_)


def notification(gap: Gap) -> dict[str, Any]:
    """What was not scanned, and why."""
    return {
        "level": "warning",
        "message": {"text": f"not scanned: {gap.reason}"},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": sarif_uri(gap.uri)}}}],
    }


def sarif_uri(text: str) -> str:
    """Escape what names hold and URIs may not; after a # stands the part of an artifact."""
    return quote(text, safe=_URI_CHARACTERS)


def utc(moment: datetime) -> str:
    """A moment as SARIF writes it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
