"""What ECR and Inspector found, in the shape of every other finding; AWS by its own models."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from wickie.aws import Clients
from wickie.errors import SourceError
from wickie.model import Severity
from wickie.vulnerabilities.imported import of_ecr, of_inspector
from wickie.vulnerabilities.registries import login

DIGEST = f"sha256:{'a' * 64}"
FUNCTION = {
    "codeSha256": base64.b64encode(bytes.fromhex("a" * 64)).decode(),
    "executionRoleArn": "arn:x:role",
    "functionName": "shop",
    "runtime": "PYTHON_3_9",
    "version": "$LATEST",
}
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def client(name: str) -> Any:
    return boto3.client(
        name, region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
    )


def ecr_reply(**page: Any) -> dict[str, Any]:
    status = {"status": page.pop("status", "COMPLETE")}
    token = {"nextToken": page.pop("token")} if "token" in page else {}
    return {"imageScanStatus": status, "imageScanFindings": page, **token}


def basic(name: str, package: str) -> dict[str, Any]:
    known = {"package_name": package, "package_version": "3.0.1", "CVSS3_SCORE": "7.5"}
    attributes = [{"key": key, "value": value} for key, value in known.items()]
    return {"name": name, "severity": "HIGH", "uri": "https://a.b", "attributes": attributes}


def details(**differing: Any) -> dict[str, Any]:
    package = {
        "name": "jinja2",
        "version": "3.1.2",
        "packageManager": "PYTHONPKG",
        "filePath": "usr/lib/python3/jinja2.dist-info/METADATA",
        "fixedInVersion": "3.1.3",
        "sourceLayerHash": DIGEST,
    }
    return {
        "vulnerabilityId": "CVE-2024-22195",
        "relatedVulnerabilities": [],
        "source": "NVD",
        "cvss": [{"baseScore": 5.4, "scoringVector": "x", "version": "3.1", "source": "NVD"}],
        "vulnerablePackages": [package, {**package, "name": "other"}],
        **differing,
    }


def test_every_page_of_ecrs_basic_findings_is_read() -> None:
    ecr = client("ecr")
    asked = {"repositoryName": "shop", "imageId": {"imageDigest": DIGEST}}
    with Stubber(ecr) as stub:
        first = ecr_reply(findings=[basic("CVE-2099-1", "openssl")], token="more")
        stub.add_response("describe_image_scan_findings", first, asked)
        last = ecr_reply(findings=[basic("CVE-2099-2", "bash")])
        stub.add_response("describe_image_scan_findings", last, {**asked, "nextToken": "more"})
        found = of_ecr(ecr, "shop", DIGEST)
    assert [each.advisory for each in found] == ["CVE-2099-1", "CVE-2099-2"]
    assert (found[0].package, found[0].installed) == ("openssl", "3.0.1")
    assert (found[0].severity, found[0].cvss, found[0].target) == (Severity.HIGH, (7.5,), "shop")
    assert found[0].builds == (DIGEST,)


@pytest.mark.parametrize("status", ["FAILED", "PENDING", "UNSUPPORTED_IMAGE", "IN_PROGRESS"])
def test_an_image_that_ecr_has_not_scanned_is_an_error_and_not_clean(status: str) -> None:
    ecr = client("ecr")
    with Stubber(ecr) as stub:
        stub.add_response("describe_image_scan_findings", ecr_reply(status=status))
        with pytest.raises(SourceError, match=f"has not scanned shop.*{status}"):
            of_ecr(ecr, "shop", DIGEST)


def test_ecrs_enhanced_findings_say_what_fixes_each_package() -> None:
    ecr = client("ecr")
    enhanced = {"title": "t", "severity": "MEDIUM", "packageVulnerabilityDetails": details()}
    with Stubber(ecr) as stub:
        reply = ecr_reply(status="ACTIVE", enhancedFindings=[enhanced])
        stub.add_response("describe_image_scan_findings", reply)
        found, other = of_ecr(ecr, "shop", DIGEST)
    assert (found.purl, found.fixed) == ("pkg:pypi/jinja2@3.1.2", ("3.1.3",))
    assert other.cvss == (5.4,), "the second package is scored as the first"
    assert found.location.uri == "shop#usr/lib/python3/jinja2.dist-info/METADATA"


def test_inspectors_active_findings_are_narrowed_read_to_the_end_and_carry_epss() -> None:
    inspector = client("inspector2")
    finding = {
        "findingArn": "arn:aws:inspector2:us-east-1:123456789012:finding/a",
        "awsAccountId": "123456789012",
        "type": "PACKAGE_VULNERABILITY",
        "description": "d",
        "title": "t",
        "remediation": {"recommendation": {"text": "x"}},
        "severity": "CRITICAL",
        "firstObservedAt": NOW,
        "lastObservedAt": NOW,
        "status": "ACTIVE",
        "epss": {"score": 0.5},
        "resources": [
            {
                "type": "AWS_LAMBDA_FUNCTION",
                "id": "arn:x:function:shop",
                "details": {"awsLambdaFunction": FUNCTION},
            }
        ],
        "packageVulnerabilityDetails": details(),
    }
    wanted = {
        "findingStatus": "ACTIVE",
        "findingType": "PACKAGE_VULNERABILITY",
        "resourceType": "AWS_LAMBDA_FUNCTION",
    }
    criteria = {k: [{"comparison": "EQUALS", "value": v}] for k, v in wanted.items()}
    with Stubber(inspector) as stub:
        asked = {"filterCriteria": criteria}
        stub.add_response("list_findings", {"findings": [], "nextToken": "n"}, asked)
        stub.add_response("list_findings", {"findings": [finding]}, {**asked, "nextToken": "n"})
        found = of_inspector(inspector, "AWS_LAMBDA_FUNCTION")
    assert len(found) == 2
    assert (found[0].severity, found[0].epss) == (Severity.CRITICAL, 0.5)
    assert found[0].target == "shop"
    assert found[0].seen_by == ("inspector",)
    assert found[0].builds == (DIGEST,)


class _Ecr(Clients):
    """Clients whose only service is a stubbed ECR."""

    def __init__(self, ecr: Any) -> None:
        super().__init__(boto3.Session(region_name="us-east-1"))
        self._services["ecr"] = ecr


def test_an_image_in_ecr_is_signed_in_to_with_a_password_that_no_text_shows() -> None:
    ecr = client("ecr")
    registry = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
    with Stubber(ecr) as stub:
        token = {"authorizationData": [{"authorizationToken": "QVdTOnNlc2FtZQ=="}]}
        stub.add_response("get_authorization_token", token, {"registryIds": ["123456789012"]})
        known = login(_Ecr(ecr), f"{registry}/shop@{DIGEST}")
    assert known
    assert (known.registry, known.username) == (registry, "AWS")
    assert "sesame" not in repr(known)


def test_an_image_in_another_region_is_told_before_it_is_refused() -> None:
    there = f"123456789012.dkr.ecr.eu-central-1.amazonaws.com/shop@{DIGEST}"
    with pytest.raises(SourceError, match="is in eu-central-1, and passwords for us-east-1"):
        login(_Ecr(None), there)


def test_elsewhere_nobody_is_signed_in() -> None:
    for reference in (f"registry.example.com/shop@{DIGEST}", "/srv/shop", None):
        assert login(_Ecr(None), reference) is None
