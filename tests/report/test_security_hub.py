"""Findings as Security Hub takes them: by AWS's own model, and by moto's Security Hub."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.validate import validate_parameters
from moto import mock_aws

from tests.report.conftest import ARN, NOON
from tests.vulnerabilities.paper import finding
from wickie.model import Finding, Location, Severity, Stage, Verdict
from wickie.report import Report
from wickie.report.asff import Hub, render_asff
from wickie.report.security_hub import Refusal, batches, send
from wickie.report.vulnerabilities import VulnerabilityReport
from wickie.vulnerabilities.finding import Suppression
from wickie.vulnerabilities.scanning import VulnerabilityScan

HUB = Hub("123456789012", "us-east-1")
SUPPRESSED = Suppression("wickie.yaml", "unreachable", "us", date(2030, 1, 1))


def weaknesses(*findings: Any) -> VulnerabilityReport:
    return VulnerabilityReport(
        "prod", VulnerabilityScan("run-1", NOON, NOON, targets=("shop",), findings=findings)
    )


def rendered(report: Any) -> list[dict[str, Any]]:
    """The findings, after AWS's model of the request has taken them."""
    findings = list(render_asff(report, HUB))
    service = botocore.session.get_session().get_service_model("securityhub")
    shape: Any = service.operation_model("BatchImportFindings").input_shape
    validate_parameters({"Findings": findings}, shape)
    return findings


def test_a_leak_names_where_it_is_and_whose_it_is(report: Report) -> None:
    leak, token = rendered(report)
    assert leak["Id"] == "wickie/prod/leak-1"
    assert leak["ProductArn"].endswith(":123456789012:product/123456789012/default")
    assert leak["FindingProviderFields"]["Severity"] == {"Label": "CRITICAL"}
    assert [r["Type"] for r in leak["Resources"]] == ["AwsS3Object", "AwsSecretsManagerSecret"]
    assert [r["Id"] for r in leak["Resources"]] == ["arn:aws:s3:::shop-logs/app.log", ARN]
    assert "line 42" in leak["Description"]
    assert leak["RecordState"] == "ACTIVE"
    assert token["Resources"] == [{"Type": "Other", "Id": "src/settings.py", "Partition": "aws"}]
    assert token["CreatedAt"] == "2026-10-24T12:00:00.000Z"
    assert token["UpdatedAt"] == "2026-11-23T12:00:00.000Z"


def test_an_id_is_the_same_the_next_night(leak: Finding, scanned: Callable[..., Report]) -> None:
    moved = replace(
        leak, location=Location("s3://shop-logs/app.log", 99), last_seen=NOON + timedelta(days=1)
    )
    (before,), (after,) = rendered(scanned(leak)), rendered(scanned(moved))
    assert before["Id"] == after["Id"]
    assert before["CreatedAt"] == after["CreatedAt"]
    assert before["UpdatedAt"] < after["UpdatedAt"]


def test_what_is_settled_is_archived_and_what_is_unknown_is_not(
    leak: Finding, scanned: Callable[..., Report]
) -> None:
    assert leak.managed
    retired = replace(leak, managed=replace(leak.managed, stage=Stage.RETIRED))
    states = {
        "dead": replace(leak, verdict=Verdict.DEAD),
        "unknown": replace(leak, verdict=Verdict.UNKNOWN),
        "retired": replace(retired, verdict=Verdict.UNKNOWN),
    }
    assert {n: rendered(scanned(f))[0]["RecordState"] for n, f in states.items()} == {
        "dead": "ARCHIVED",
        "unknown": "ACTIVE",
        "retired": "ARCHIVED",
    }
    suppressed, open_ = rendered(
        weaknesses(finding(suppressed_by=SUPPRESSED), finding(advisory="CVE-2024-9"))
    )[::-1]
    assert (suppressed["RecordState"], open_["RecordState"]) == ("ARCHIVED", "ACTIVE")


def test_a_vulnerability_names_package_fix_and_likelihood() -> None:
    (found,) = rendered(weaknesses(finding(cvss=(9.8,), epss=0.5, kev=True, url="https://x.org")))
    (weakness,) = found["Vulnerabilities"]
    assert weakness["FixAvailable"] == "YES"
    assert weakness["VulnerablePackages"][0]["FixedInVersion"] == "3.1.3"
    assert weakness["Cvss"] == [{"BaseScore": 9.8}]
    assert (weakness["EpssScore"], weakness["ExploitAvailable"]) == (0.5, "YES")
    assert found["Remediation"]["Recommendation"]["Url"] == "https://x.org"
    (unfixed,) = rendered(weaknesses(finding(fixed=())))
    assert unfixed["Vulnerabilities"][0]["FixAvailable"] == "NO"


@pytest.mark.parametrize("severity", Severity)
def test_every_severity_is_one_of_security_hubs(
    severity: Severity, token: Finding, scanned: Callable[..., Report]
) -> None:
    (found,) = rendered(scanned(replace(token, severity=severity)))
    label = found["FindingProviderFields"]["Severity"]["Label"]
    assert label in {"INFORMATIONAL", "LOW", "MEDIUM", "HIGH", "CRITICAL"}


def test_long_names_are_cut_to_what_aws_takes(
    token: Finding, scanned: Callable[..., Report]
) -> None:
    long = replace(token, title="t" * 5000, location=Location("s3://b/" + "k" * 5000))
    (found,) = rendered(scanned(replace(long, source="s3")))
    assert len(found["Title"]) == 256
    assert len(found["Description"]) == 1024
    assert len(found["Resources"][0]["Id"]) == 512


def test_no_batch_is_larger_than_aws_takes_and_none_is_lost() -> None:
    small = [{"Id": str(n)} for n in range(250)]
    assert [len(batch) for batch in batches(small)] == [100, 100, 50]
    large = [{"Id": str(n), "Text": "é" * 30_000} for n in range(10)]
    parts = list(batches(large))
    assert [each for batch in parts for each in batch] == large
    for batch in parts:
        assert len(json.dumps(batch, ensure_ascii=False).encode()) <= 240_002
    assert [len(batch) for batch in batches([{"Text": "x" * 300_000}, {"Id": "1"}])] == [1, 1]


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        made = {name: boto3.client(name, "us-east-1") for name in ("sts", "securityhub")}
        yield SimpleNamespace(service=made.__getitem__, region="us-east-1")


def test_security_hub_holds_each_finding_once_however_often_it_is_sent(
    clients: Any, report: Report
) -> None:
    assert send(clients, report).sent == 2
    assert send(clients, report).sent == 2
    held = clients.service("securityhub").get_findings()["Findings"]
    assert {each["Id"] for each in held} == {"wickie/prod/leak-1", "wickie/prod/token-1"}


def test_each_finding_that_is_refused_is_told_with_its_reason(
    clients: Any, report: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(**_: Any) -> Any:
        failed = {"Id": "wickie/prod/leak-1", "ErrorCode": "InvalidInput", "ErrorMessage": "no"}
        return {"SuccessCount": 1, "FailedCount": 1, "FailedFindings": [failed]}

    monkeypatch.setattr(clients.service("securityhub"), "batch_import_findings", broken)
    delivery = send(clients, report)
    assert delivery.sent == 1
    assert delivery.refused == (Refusal("wickie/prod/leak-1", "InvalidInput: no"),)
