from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from jsonschema import Draft4Validator, FormatChecker

from wickie.model import Finding, Location, Severity
from wickie.report import Report, render_sarif

SCHEMA = json.loads(Path(__file__).with_name("sarif-2.1.0-rtm.5.json").read_text())
VALIDATOR = Draft4Validator(SCHEMA, format_checker=FormatChecker())


def run_of(report: Report) -> dict[str, Any]:
    """The one run of the report's SARIF log, after the schema has accepted it."""
    log = json.loads(render_sarif(report))
    assert [error.message for error in VALIDATOR.iter_errors(log)] == []
    run: dict[str, Any] = log["runs"][0]
    return run


def test_the_schema_would_notice_a_mistake(report: Report) -> None:
    log = json.loads(render_sarif(report))
    log["runs"][0]["results"][0]["level"] = "critical"
    assert not VALIDATOR.is_valid(log)


def test_a_managed_secret_is_named_by_arn_version_and_stage(report: Report, leak: Finding) -> None:
    result = run_of(report)["results"][0]
    assert leak.managed
    assert result["ruleId"] == "wickie.managed-secret"
    assert result["level"] == "error"
    known_by = {"wickieFinding/v1": "leak-1", "primaryLocationLineHash": "leak-1"}
    assert result["partialFingerprints"] == known_by
    place = result["locations"][0]["physicalLocation"]
    assert place == {
        "artifactLocation": {"uri": "s3://shop-logs/app.log"},
        "region": {"startLine": 42},
    }
    managed = result["properties"]["managedSecret"]
    assert managed["arn"] == leak.managed.arn
    assert (managed["version"], managed["stage"]) == (leak.managed.version_id, "CURRENT")


def test_no_snippet_and_no_content_is_written(report: Report) -> None:
    text = render_sarif(report)
    assert '"snippet"' not in text
    assert '"contents"' not in text


def test_gaps_are_notifications_of_the_invocation(report: Report) -> None:
    (invocation,) = run_of(report)["invocations"]
    assert invocation["executionSuccessful"] is True
    (notification,) = invocation["toolExecutionNotifications"]
    assert "AccessDenied" in notification["message"]["text"]


def test_a_finding_met_before_is_unchanged_and_a_first_one_new(report: Report) -> None:
    states = {r["ruleId"]: r["baselineState"] for r in run_of(report)["results"]}
    assert states == {"wickie.managed-secret": "new", "generic.token": "unchanged"}


def test_every_result_points_at_its_rule(report: Report) -> None:
    run = run_of(report)
    rules = run["tool"]["driver"]["rules"]
    assert len(rules) == 2
    assert all(rules[r["ruleIndex"]]["id"] == r["ruleId"] for r in run["results"])


@pytest.mark.parametrize("severity", Severity)
def test_every_severity_has_a_level(
    severity: Severity, token: Finding, scanned: Callable[..., Report]
) -> None:
    (result,) = run_of(scanned(replace(token, severity=severity)))["results"]
    assert result["level"] in {"error", "warning", "note"}


@pytest.mark.parametrize(
    "uri", ["s3://b/a b.log", "s3://b/é[1].log", 'a"<b>\\c', "s3://b/100 %20?"]
)
def test_any_name_becomes_a_uri_reference(
    uri: str, token: Finding, scanned: Callable[..., Report]
) -> None:
    (result,) = run_of(scanned(replace(token, location=Location(uri))))["results"]
    written = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert not set(written) & set(' "<>\\^`{|}[]?')
    assert written.isascii()
    assert unquote(written) == uri


def test_a_run_that_only_rotated_and_an_empty_scan_are_valid(
    report: Report, scanned: Callable[..., Report]
) -> None:
    assert run_of(replace(report, scan=None))["results"] == []
    assert run_of(scanned())["results"] == []
