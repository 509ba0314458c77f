"""The report of a vulnerability scan: SARIF by its schema, order, and when it may say clean."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from tests.report.conftest import NOON
from tests.report.test_sarif import VALIDATOR
from tests.vulnerabilities.paper import finding
from wickie.model import Gap, Location, Severity, Suppression
from wickie.report.lines import render_lines
from wickie.report.vulnerabilities import VulnerabilityReport, render_json, render_sarif
from wickie.report.vulnerability_page import render_html
from wickie.response.action import Outcome, OutcomeState, Plan
from wickie.vulnerabilities.scanner import Attestation, DatabaseIdentity
from wickie.vulnerabilities.scanning import VulnerabilityScan

GAP = Gap("function.zip", "trivy: cannot be unzipped")
EXCUSED = finding(
    advisory="CVE-2024-1",
    suppressed_by=Suppression("wickie.yaml", "unreachable", "shop team", date(2030, 1, 1)),
)
EXPLOITED = finding(
    advisory="CVE-2024-2",
    kev=True,
    risk=78.0,
    cvss=(9.8,),
    severity=Severity.LOW,
    location=Location("shop/requirements.txt", 2),
    first_seen=NOON - timedelta(days=3),
    last_seen=NOON,
)
SEVERE = finding(advisory="CVE-2024-3", severity=Severity.CRITICAL, fixed=())


def report_of(*findings: Any, gaps: Any = (), targets: Any = ("shop",)) -> VulnerabilityReport:
    attested = Attestation("trivy", "0.76.0", "1f88", DatabaseIdentity("2", NOON))
    scan = VulnerabilityScan(
        "run-1", NOON, NOON, (attested,), targets, findings, gaps, notices=("an ignore ended",)
    )
    return VulnerabilityReport("prod", scan)


def test_sarif_is_valid_and_code_scanning_can_place_sort_and_dismiss_each_finding() -> None:
    log = json.loads(render_sarif(report_of(EXCUSED, SEVERE, EXPLOITED, gaps=(GAP,))))
    assert [error.message for error in VALIDATOR.iter_errors(log)] == []
    (run,) = log["runs"]
    exploited, severe, excused = run["results"]
    assert exploited["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "shop/requirements.txt"},
        "region": {"startLine": 2},
    }
    assert exploited["message"]["text"] == "jinja2 3.1.2: CVE-2024-2; fixed in 3.1.3"
    assert exploited["baselineState"] == "unchanged"
    assert severe["message"]["text"].endswith("no fix yet")
    assert excused["suppressions"][0]["justification"] == "shop team unreachable"
    rules = {rule["id"]: rule for rule in run["tool"]["driver"]["rules"]}
    assert rules["CVE-2024-2"]["properties"]["security-severity"] == "9.8"
    assert run["tool"]["extensions"][0]["name"] == "trivy"
    (told,) = run["invocations"][0]["toolExecutionNotifications"]
    assert "cannot be unzipped" in told["message"]["text"]


def test_what_is_exploited_comes_first_and_what_is_suppressed_last() -> None:
    lines = render_lines(report_of(EXCUSED, SEVERE, EXPLOITED), "vulnerabilities").splitlines()
    found = [json.loads(line) for line in lines]
    assert [each["advisory"] for each in found] == ["CVE-2024-2", "CVE-2024-3", "CVE-2024-1"]
    assert found[2]["suppressed_by"]["until"] == "2030-01-01"


def test_a_report_names_scanner_database_and_what_needs_a_person() -> None:
    document = json.loads(render_json(report_of()))
    (scanner,) = document["scan"]["scanners"]
    assert (scanner["version"], scanner["database"]["built"]) == ("0.76.0", NOON.isoformat())
    assert document["scan"]["notices"] == ["an ignore ended"]


def test_the_page_shows_what_matters_and_lets_nothing_in_from_elsewhere() -> None:
    hostile = replace(SEVERE, title="<script>alert(1)</script>")
    page = render_html(report_of(EXCUSED, hostile, EXPLOITED, gaps=(GAP,)))
    for told in (
        "78.0",
        "jinja2 3.1.2",
        "shop/requirements.txt:2",
        "shop team unreachable",
        "1f88",
    ):
        assert told in page
    assert "cannot be unzipped" in page
    assert "<script" not in page
    assert "an ignore ended" in page


def test_what_was_rolled_back_is_told_to_people_and_programs() -> None:
    plan = Plan("service <shop>", "from 2 to 1", "CVE-2024-3", {"at": "2"}, {"at": "1"})
    outcome = Outcome(plan.target, OutcomeState.DONE, "from 2 to 1: well", plan)
    report = replace(report_of(SEVERE), rollbacks=(outcome,))
    page = render_html(report)
    assert "service &lt;shop&gt;" in page
    assert "from 2 to 1: well" in page
    (told,) = json.loads(render_json(report))["rollbacks"]
    assert (told["state"], told["plan"]["reason"]) == ("DONE", "CVE-2024-3")


def test_only_a_scan_of_everything_may_say_that_there_is_nothing() -> None:
    assert (report_of().exit_code(), report_of().headline) == (0, "No vulnerability found")
    partly = report_of(EXCUSED, gaps=(GAP,))
    assert partly.exit_code() == 1
    assert partly.headline == "No vulnerability found in what could be scanned; 1 suppressed; 1 gap"
    assert report_of(targets=(), gaps=(GAP,)).exit_code() == 1
    assert "nothing is known" in report_of(targets=()).headline
    assert report_of(SEVERE, gaps=(GAP,)).exit_code() == 10
    assert report_of(replace(SEVERE, suppressed_by=EXCUSED.suppressed_by)).exit_code() == 0
