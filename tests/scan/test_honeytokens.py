"""A honeytoken where it was planted is no news; anywhere else, somebody has copied it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from tests.scan.paper import ALPHANUMERIC, KEY, Paper, arn, drawn, prints
from wickie.fingerprints import Fingerprint
from wickie.model import Finding, ScanResult, Severity, Stage, Verdict
from wickie.report import Report
from wickie.report.headline import headline
from wickie.report.record import Tone
from wickie.scan import engine
from wickie.scan.cache import ScanCache
from wickie.scan.chunk import Chunk
from wickie.scan.detectors import KingfisherDetector, ManagedDetector
from wickie.scan.suppression import Ignore, Planted, Suppressions
from wickie.scan.verification import Verification

TODAY = date(2026, 11, 26)


def baits(*values: str, name: str = "honey") -> list[Fingerprint]:
    return [replace(each, honeytoken=True) for value in values for each in prints(value, name)]


def found(value: str, place: str, *others: Any, prints: Any = None) -> ScanResult:
    source = Paper([Chunk(f"pw={value}\n".encode(), place, place, "s3")])
    managed = ManagedDetector(prints or baits(value), KEY)
    return engine.scan([source], [managed, *others], run_id="r")


def suppressed(scan: ScanResult, *ignores: Ignore) -> ScanResult:
    planted = (Planted("other", ("*",)), Planted("honey", ("s3://attic/*", "git:*:.env")))
    return Suppressions(ignores, planted=planted).apply(scan, TODAY)


def test_a_copy_is_critical_by_a_rule_of_its_own_and_the_headline() -> None:
    scan = suppressed(found(drawn(), "s3://shop/log"))
    (finding,) = scan.findings
    assert (finding.rule_id, finding.severity) == ("wickie.honeytoken", Severity.CRITICAL)
    assert "Honeytoken honey-AbCdEf, which nobody may use" in finding.title
    report = Report("prod", scan)
    said = headline(report)
    assert (said.text, said.tone) == (
        "1 honeytoken found where nobody planted it: honey",
        Tone.BAD,
    )
    assert report.exit_code() == 11


def test_where_it_was_planted_it_is_shown_and_does_not_count() -> None:
    for place in ("s3://attic/old/backup.sql", "git:/srv/shop@0123:.env"):
        report = Report("prod", suppressed(found(drawn(), place)))
        (finding,) = report.findings
        assert finding.suppressed_by is not None
        assert "planted here" in finding.suppressed_by.reason
        assert (report.exit_code(), headline(report).tone) == (0, Tone.GOOD)


def test_a_copy_cannot_be_ignored() -> None:
    scan = found(drawn(), "s3://shop/log")
    ignore = Ignore(scan.findings[0].value_key, "me", "known", TODAY)
    scan = suppressed(scan, ignore)
    assert scan.findings[0].suppressed_by is None
    assert "if it may lie there, say so under its planted" in scan.notices[0]


def test_a_managed_secret_is_not_hidden_by_a_place_of_that_name() -> None:
    value = drawn()
    scan = suppressed(found(value, "s3://attic/x", prints=prints(value, "honey")))
    assert scan.findings[0].suppressed_by is None


def test_the_id_of_its_access_key_is_enough_and_is_found_once(
    kingfisher: KingfisherDetector,
) -> None:
    key_id = f"AKIA{drawn(16, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567')}"
    secret = drawn(40, ALPHANUMERIC)
    text = f"x\naws_access_key_id={key_id}\naws_secret_access_key={secret}"
    for leaked in (text, key_id):
        scan = found(leaked, "s3://shop/a", kingfisher, prints=baits(key_id, secret))
        assert [each.rule_id for each in scan.findings] == ["wickie.honeytoken"]


def test_its_id_with_another_secret_is_not_tried_either() -> None:
    key_id = f"AKIA{drawn(16, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567')}"
    asked: list[Any] = []

    class Aws:
        rules = ("betterleaks.aws-access-token",)

        def ask(self, credential: Any) -> Verdict:
            asked.append(credential)
            return Verdict.LIVE

    ours = ManagedDetector(baits(key_id), KEY)
    encoded = f"aws_access_key_id={key_id}\naws_secret_access_key={drawn(40, ALPHANUMERIC)}"
    detectors = (KingfisherDetector(KEY, askable=Aws.rules),)  # no prints: it is taken for a leak
    verification = Verification([Aws()], ours.knows, pause=0)
    engine.scan([Paper([encoded.encode()])], detectors, run_id="r", verification=verification)
    assert asked == []


def test_a_secret_that_becomes_one_is_one_where_it_was_found_before() -> None:
    value, stored = drawn(), b""
    source, findings = Paper([f"pw={value}".encode()], version="1"), list[Finding]()
    for printed in (prints(value, "honey"), baits(value)):
        detectors = [ManagedDetector(printed, KEY)]
        cache = ScanCache(detectors, KEY, stored)
        findings += engine.scan([source], detectors, run_id="r", cache=cache).findings
        stored = cache.dump()
    assert [each.rule_id for each in findings] == ["wickie.managed-secret", "wickie.honeytoken"]
    assert findings[0].id == findings[1].id


@pytest.mark.parametrize("name", ["honey", arn("honey"), arn("honey")[:-7]])
def test_it_is_known_by_its_name_and_by_its_arn(name: str) -> None:
    scan = found(drawn(), "s3://attic/x")
    scan = Suppressions(planted=(Planted(name, ("s3://attic/*",)),)).apply(scan, TODAY)
    assert scan.findings[0].suppressed_by is not None
    assert scan.findings[0].managed is not None
    assert scan.findings[0].managed.stage is Stage.CURRENT
    assert scan.started <= datetime.now(UTC)
