"""Which findings condemn a build."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.response.paper import digest
from tests.vulnerabilities.paper import finding
from wickie.model import Severity
from wickie.response.condemned import Condemned
from wickie.vulnerabilities.finding import Suppression, Vulnerability, merged

A, B = digest("a"), digest("b")
EXCUSED = Suppression("wickie.yaml", "unreachable")


def found(severity: Severity = Severity.CRITICAL, **more: object) -> Vulnerability:
    return finding(severity=severity, **{"builds": (A,), **more})


def condemned(*findings: Vulnerability, fix_available: bool = True) -> set[str]:
    by = Condemned.by(findings, Severity.HIGH, timedelta(days=7), fix_available=fix_available)
    return set(by.reasons)


def test_a_build_is_condemned_by_a_finding_that_is_severe_enough_has_a_fix_and_counts() -> None:
    assert condemned(found()) == {A}
    assert condemned(found(Severity.HIGH, builds=(A, B))) == {A, B}
    assert not condemned(found(Severity.MEDIUM))
    assert not condemned(found(builds=()))
    assert not condemned(found(suppressed_by=EXCUSED))
    assert not condemned(found(fixed=()))
    assert condemned(found(fixed=()), fix_available=False) == {A}


def test_the_reason_is_the_worst_finding_and_how_to_end_it() -> None:
    mild, worst = found(Severity.HIGH, advisory="CVE-1"), found(advisory="CVE-2")
    by = Condemned.by([mild, worst], Severity.HIGH, timedelta(days=7), fix_available=True)
    why = by.reason([A], datetime.now(UTC))
    assert why == "jinja2 3.1.2 has CVE-2 (critical, fixed in 3.1.3)"
    assert by.reason([B], datetime.now(UTC)) is None
    assert by.reason([A], datetime.now(UTC) - timedelta(days=8)) is None


def test_a_finding_that_is_excused_in_one_build_condemns_only_the_other() -> None:
    excused, other = found(suppressed_by=EXCUSED), found(builds=(B,))
    for order in ([excused, other], [other, excused]):
        assert condemned(*merged(order)) == {B}
    assert not condemned(*merged([excused, found(builds=(B,), suppressed_by=EXCUSED)]))
