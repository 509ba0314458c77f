from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import replace

import pytest

from wickie.credentials import Sensitive
from wickie.model import Finding, RotationOutcome, RotationState, Stage, Suppression, Verdict
from wickie.report import Report, render_json
from wickie.report.headline import headline, secret_name
from wickie.report.lines import render_lines
from wickie.report.record import Tone

Scanned = Callable[..., Report]


def test_exit_code_tells_clean_from_findings_from_live_or_managed(
    scanned: Scanned, leak: Finding, token: Finding
) -> None:
    assert scanned().exit_code() == 0
    assert scanned(token).exit_code() == 10
    assert scanned(token, replace(token, verdict=Verdict.LIVE)).exit_code() == 11
    assert scanned(token, replace(leak, verdict=Verdict.UNKNOWN)).exit_code() == 11


def test_a_scan_that_read_nothing_is_not_clean(scanned: Scanned, report: Report) -> None:
    assert report.scan
    assert scanned(gaps=report.scan.gaps, artifacts=0).exit_code() == 1
    assert scanned(artifacts=0).exit_code() == 1
    assert headline(scanned(artifacts=0)).text == "Nothing was read, so nothing is known"


def test_a_scan_that_could_not_read_everything_is_not_clean_either(
    scanned: Scanned, report: Report, token: Finding
) -> None:
    assert report.scan
    assert scanned(gaps=report.scan.gaps).exit_code() == 1
    assert scanned(token, gaps=report.scan.gaps).exit_code() == 10


@pytest.mark.parametrize(
    "state", [RotationState.FAILED, RotationState.ROLLED_BACK, RotationState.CAPPED]
)
def test_a_rotation_that_did_not_end_well_is_an_error(
    rotated: RotationOutcome, state: RotationState
) -> None:
    assert Report("prod", rotations=(rotated,)).exit_code() == 0
    assert Report("prod", rotations=(rotated, replace(rotated, state=state))).exit_code() == 1


def test_a_report_with_plaintext_inside_cannot_be_made(leak: Finding, scanned: Scanned) -> None:
    canary = Sensitive(secrets.token_urlsafe())
    with pytest.raises(TypeError, match="Sensitive"):
        scanned(replace(leak, title=canary))  # type: ignore[arg-type]


def test_json_holds_schema_run_and_every_record(report: Report) -> None:
    document = json.loads(render_json(report))
    assert document["schema_version"] == "1"
    assert (document["kind"], document["run_id"], document["stage"]) == (
        "scan",
        "nightly-1",
        "prod",
    )
    assert document["exit_code"] == 11
    assert {f["id"] for f in document["scan"]["findings"]} == {"leak-1", "token-1"}
    assert document["rotations"][0]["old_credential"] == "DEAD"
    assert len(document["rotations"][0]["timeline"]) == 7


def test_findings_are_lines_that_stand_alone(report: Report) -> None:
    lines = [json.loads(line) for line in render_lines(report, "findings").splitlines()]
    assert [line["id"] for line in lines] == ["leak-1", "token-1"]
    assert {(line["run_id"], line["stage"]) for line in lines} == {("nightly-1", "prod")}


def test_headline_says_what_leaked_and_whether_it_still_works(
    report: Report, rotated: RotationOutcome, leak: Finding, scanned: Scanned
) -> None:
    ended = replace(scanned(leak), rotations=(rotated,))
    assert headline(ended).tone is Tone.GOOD
    assert "proven dead" in headline(ended).text
    assert headline(report).text.endswith("1 other finding")
    assert headline(report).tone is Tone.WARNING

    for still in (Verdict.LIVE, Verdict.UNKNOWN):
        told = headline(replace(ended, rotations=(replace(rotated, old_credential=still),)))
        assert told.tone is Tone.BAD
        assert "may still work: shop/orders" in told.text
    assert "may still work" in headline(replace(ended, rotations=())).text


def test_headline_of_a_retired_version_is_no_alarm(leak: Finding, scanned: Scanned) -> None:
    assert leak.managed
    retired = replace(
        leak, managed=replace(leak.managed, stage=Stage.RETIRED), verdict=Verdict.DEAD
    )
    assert headline(scanned(retired)).text == "1 finding"


def test_headline_is_not_clean_where_something_went_unread(
    report: Report, scanned: Scanned
) -> None:
    assert report.scan
    assert headline(scanned()).text == "Nothing found"
    told = headline(scanned(gaps=report.scan.gaps))
    assert (told.text, told.tone) == ("Nothing found in what could be read", Tone.WARNING)
    assert "1 gap" in told.detail


@pytest.mark.parametrize(
    ("arn", "name"),
    [
        ("arn:aws:secretsmanager:us-east-1:123456789012:secret:shop/a-b-AbCdEf", "shop/a-b"),
        ("shop/a-b", "shop/a-b"),
    ],
)
def test_secret_name_of_an_arn_or_a_name(arn: str, name: str) -> None:
    assert secret_name(arn) == name


def test_what_is_suppressed_is_reported_last_and_counts_for_nothing(
    scanned: Scanned, leak: Finding, token: Finding
) -> None:
    by = Suppression("wickie.yaml", "a fixture", "shop team")
    hidden = replace(leak, suppressed_by=by)
    report = scanned(hidden, token)
    assert (report.exit_code(), report.findings) == (10, (token, hidden))
    assert headline(report).text == "1 finding"
    assert "2 findings, 1 of them suppressed, in" in headline(report).detail
    report = scanned(hidden)
    assert report.exit_code() == 0
    assert headline(report).text == "Nothing found that is not suppressed"
    assert json.loads(render_lines(report, "findings"))["suppressed_by"]["owner"] == "shop team"
