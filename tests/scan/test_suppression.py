"""What does not count is told so, ends, follows its value, and never hides what is in use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.scan.paper import KEY, drawn, github_token, prints
from wickie.errors import ConfigError
from wickie.model import Finding, ScanResult, Stage
from wickie.scan.chunk import Chunk, Match
from wickie.scan.detectors import KingfisherDetector, ManagedDetector
from wickie.scan.identity import territory
from wickie.scan.suppression import Baseline, Ignore, Suppressions, read_baseline, write_baseline

TODAY = date(2026, 11, 26)


def ignore(about: str, until: date = TODAY) -> Ignore:
    return Ignore(about, "shop team", "fixture of a test", until)


def applied(finding: Finding, *waivers: Any) -> ScanResult:
    now = datetime.now(UTC)
    scan = ScanResult("r", now, now, 1, 1, findings=(finding,))
    ignores = tuple(each for each in waivers if isinstance(each, Ignore))
    baselines = tuple(each for each in waivers if isinstance(each, Baseline))
    return Suppressions(ignores, baselines).apply(scan, TODAY)


def found(detector: Any, text: str, uri: str, source: str = "s3") -> Finding:
    (match,) = detector.detect([Chunk(text.encode(), uri, uri, source)])
    assert isinstance(match, Match)
    return match.finding


def in_place(detector: Any, value: str, uri: str, source: str = "s3") -> Finding:
    return found(detector, f"a={value}\n", uri, source)


def test_a_suppressed_finding_says_by_whom_why_and_until_when_and_ends(
    kingfisher: KingfisherDetector,
) -> None:
    finding = in_place(kingfisher, github_token(), "s3://shop/a")
    for about in (finding.id, finding.value_key):
        scan = applied(finding, ignore(about))
        (by,) = [f.suppressed_by for f in scan.findings]
        assert by is not None
        assert (by.by, by.owner, by.until) == ("wickie.yaml", "shop team", TODAY)
        assert scan.notices == ()
    scan = applied(finding, ignore(finding.id, TODAY - timedelta(days=1)))
    assert [f.suppressed_by for f in scan.findings] == [None]
    assert f"ignore of {finding.id} by shop team ended on 2026-11-25" in scan.notices[0]


def test_a_value_is_followed_within_its_bucket_and_not_beyond(
    kingfisher: KingfisherDetector,
) -> None:
    value = github_token()
    first = in_place(kingfisher, value, "s3://shop/a.env")
    moved = found(kingfisher, f"\n\n# moved\na={value}\n", "s3://shop/old/b.env")
    assert moved.id != first.id
    assert moved.value_key == first.value_key
    others = [
        in_place(kingfisher, value, "s3://public/a.env"),
        in_place(kingfisher, value, "shop/a.env", "directory"),
        in_place(kingfisher, github_token(), "s3://shop/a.env"),
    ]
    assert len({each.value_key for each in [first, *others]}) == 4


@pytest.mark.parametrize(
    ("source", "artifact", "bounds"),
    [
        ("directory", "/srv/config/a", "files"),
        ("git", "git:/srv/checkouts/shop:a", "files"),
        ("s3", "s3://shop/a/b", "s3 s3://shop"),
        (
            "lambda-environment",
            "arn:aws:lambda:eu-west-1:1:function:f",
            "arn:aws:lambda:eu-west-1:1",
        ),
        ("ecr-image", "1.dkr.ecr.eu-west-1.amazonaws.com/a/b", "1.dkr.ecr.eu-west-1.amazonaws.com"),
        ("glue-job", "glue-job:eu-west-1/load", "glue-job:eu-west-1"),
    ],
)
def test_the_bounds_of_a_move_are_those_of_the_place(
    source: str, artifact: str, bounds: str
) -> None:
    assert territory(source, artifact) in {bounds, f"{source} {bounds}"}


def test_without_the_key_a_report_does_not_tell_whether_a_guess_is_right(
    kingfisher: KingfisherDetector,
) -> None:
    value = github_token()
    mine = in_place(kingfisher, value, "s3://shop/a")
    theirs = in_place(KingfisherDetector(KEY[::-1]), value, "s3://shop/a")
    assert theirs.value_key != mine.value_key


@pytest.mark.parametrize(
    ("stage", "hidden"),
    {Stage.CURRENT: False, Stage.PENDING: False, Stage.PREVIOUS: True, Stage.RETIRED: True}.items(),
)
def test_a_managed_value_in_use_cannot_be_suppressed_and_whoever_tries_is_told(
    stage: Stage, hidden: bool, tmp_path: Path
) -> None:
    value = drawn()
    finding = found(ManagedDetector(prints(value, stage=stage), KEY), f"pw={value}", "s3://shop/a")
    path = tmp_path / "known.json"
    path.write_text(write_baseline([replace(finding, managed=None)], "me", TODAY, KEY))
    for waiver in (ignore(finding.value_key), read_baseline(path, KEY)):
        scan = applied(finding, waiver)
        assert (scan.findings[0].suppressed_by is not None) is hidden
        if not hidden:
            assert "does not cover" in scan.notices[0]
            assert "shop/db-AbCdEf, which is in use; rotate it" in scan.notices[0]


def test_what_a_baseline_knows_does_not_count_until_it_ends(
    kingfisher: KingfisherDetector, tmp_path: Path
) -> None:
    value, current = github_token(), drawn()
    known = in_place(kingfisher, value, "s3://shop/a")
    used = found(ManagedDetector(prints(current), KEY), f"pw={current}", "s3://shop/a")
    path = tmp_path / "known.json"
    path.write_text(write_baseline([known, used], "jo", TODAY, KEY))
    assert value not in path.read_text()
    assert used.value_key not in path.read_text(), "it may not be suppressed"

    baseline = read_baseline(path, KEY)
    moved = in_place(kingfisher, value, "s3://shop/b")
    (by,) = [f.suppressed_by for f in applied(moved, baseline).findings]
    assert by is not None
    assert (by.by, by.owner, by.reason) == (str(path), "jo", "known on 2026-11-26")
    new = in_place(kingfisher, github_token(), "s3://shop/a")
    assert applied(new, baseline).findings[0].suppressed_by is None
    (notice,) = applied(moved, replace(baseline, until=TODAY - timedelta(days=1))).notices
    assert f"the ignore of what {path} lists by jo ended" in notice


@pytest.mark.parametrize(
    ("text", "remedy"),
    {
        "{}": "make it anew",
        "no JSON": "make it anew",
        '{"format": "other"}': "make it anew",
        write_baseline([], "jo", TODAY, KEY[::-1]): "made with another key",
    }.items(),
    ids=["empty", "text", "another format", "another key"],
)
def test_a_baseline_that_would_match_nothing_is_a_mistake(
    tmp_path: Path, text: str, remedy: str
) -> None:
    path = tmp_path / "known.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=remedy):
        read_baseline(path, KEY)
    path.unlink()
    with pytest.raises(ConfigError, match="cannot read baseline"):
        read_baseline(path, KEY)


def test_the_example_of_the_configuration_is_understood() -> None:
    from wickie.config import Scan  # noqa: PLC0415

    given: Mapping[str, Any] = {
        "finding": "0123456789abcdef",
        "owner": "shop",
        "reason": "fixture",
        "until": "2027-01-01",
    }
    (waiver,) = Scan.model_validate({"ignore": [given]}).waivers()
    assert (waiver.about, waiver.until) == ("0123456789abcdef", date(2027, 1, 1))
    for wrong in ({"finding": "a value"}, {"owner": ""}, {"until": None}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            Scan.model_validate({"ignore": [{**given, **wrong}]})
