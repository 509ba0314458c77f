"""One target by several scanners, of which any may fail."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.vulnerabilities.paper import finding
from wickie.errors import ConfigError, SourceError
from wickie.vulnerabilities.risk import Threats
from wickie.vulnerabilities.scanner import ScannerResult
from wickie.vulnerabilities.scanning import concluded, scan_target
from wickie.vulnerabilities.suppression import Ignore, Suppressions
from wickie.vulnerabilities.target import Kind, Target

TARGET = Target(Kind.DIRECTORY, "shop")


@dataclass
class Paper:
    """A scanner that answers with what it was given."""

    answer: ScannerResult | Exception

    def scan(self, *_: Any) -> ScannerResult:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def scanned(**answers: Any) -> Any:
    return scan_target(TARGET, {name: Paper(answer) for name, answer in answers.items()})


@pytest.mark.parametrize("error", [SourceError("crashed"), ConfigError("tampered with")])
def test_what_one_scanner_cannot_do_is_a_gap_beside_what_the_other_saw(error: Exception) -> None:
    seen = scanned(trivy=error, grype=ScannerResult((finding(),)))
    assert (seen.by, len(seen.findings)) == (("grype",), 1)
    (gap,) = seen.gaps
    assert (gap.uri, gap.reason) == ("shop", f"trivy: {error}")


def test_a_scanner_that_recognised_nothing_has_not_scanned() -> None:
    seen = scanned(trivy=ScannerResult((), packages=0), grype=ScannerResult(()))
    assert seen.by == ("grype",)
    assert "recognised no package" in seen.gaps[0].reason


def test_the_conclusion_weighs_suppresses_and_tells_what_has_ended() -> None:
    ended = Ignore("CVE-2024-1", "shop", "x", date(2020, 1, 1))
    lasting = Ignore("CVE-2024-22195", "shop", "x", date(2999, 1, 1))
    other = finding(advisory="CVE-2024-1", aliases=())
    seen = scanned(trivy=ScannerResult((finding(), other)), grype=SourceError("crashed"))
    unread = scan_target(Target(Kind.SBOM, "none"), {"trivy": Paper(SourceError("absent"))})
    scan = concluded(
        "run", datetime.now(UTC), [seen, unread], (),
        threats=Threats(kev={"CVE-2024-1": False}), suppressions=Suppressions((ended, lasting)),
    )  # fmt: skip
    found = {each.advisory: each for each in scan.findings}
    assert found["CVE-2024-22195"].suppressed_by
    assert not found["CVE-2024-1"].suppressed_by
    assert found["CVE-2024-1"].risk == pytest.approx(52.5)
    assert scan.targets == ("shop",)
    assert len(scan.gaps) == 2
    assert "CVE-2024-1 by shop ended" in scan.notices[0]


def test_findings_in_an_image_or_a_package_name_the_build_that_aws_knows_it_by(
    tmp_path: Path,
) -> None:
    package = tmp_path / "function.zip"
    package.write_bytes(b"code")
    digest = hashlib.sha256(b"code").hexdigest()
    image = Target(Kind.IMAGE, f"registry.example.com/shop@sha256:{digest}")
    for target in (image, Target(Kind.LAMBDA_ZIP, str(package))):
        seen = scan_target(target, {"trivy": Paper(ScannerResult((finding(),)))})
        assert seen.findings[0].builds == (f"sha256:{digest}",)
    assert scanned(trivy=ScannerResult((finding(),))).findings[0].builds == ()
