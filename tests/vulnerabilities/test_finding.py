"""One finding for what several scanners saw, weighed as Grype weighs."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.vulnerabilities.paper import PURL, finding
from wickie.errors import ConfigError
from wickie.model import Location, Severity, Suppression, to_jsonable
from wickie.vulnerabilities.finding import (
    advisory_of,
    merged,
    plain_purl,
    severity_of,
    vulnerability_id,
)
from wickie.vulnerabilities.risk import Threats, risk


def test_what_two_scanners_agree_on_stands_once_with_both_and_the_worse_severity() -> None:
    trivy = finding(location=Location("shop/requirements.txt", 2))
    grype = finding(seen_by=("grype",), severity=Severity.HIGH, fixed=("3.1.3", "3.2"), epss=0.1)
    for order in ([trivy, grype], [grype, trivy]):
        (found,) = merged(order)
        assert set(found.seen_by) == {"trivy", "grype"}
        assert found.severity is Severity.HIGH
        assert set(found.fixed) == {"3.1.3", "3.2"}
        assert found.location.line == 2
        assert found.epss == 0.1


def test_one_that_is_suppressed_in_one_image_still_counts_in_another() -> None:
    excused = finding(suppressed_by=Suppression("wickie.yaml", "not reachable"))
    for order in ([excused, finding()], [finding(), excused]):
        (found,) = merged(order)
        assert found.suppressed_by is None


def test_another_package_advisory_or_place_is_another_finding() -> None:
    others = [
        finding(purl="pkg:pypi/jinja2@3.1.1"),
        finding(advisory="CVE-2024-1"),
        finding(location=Location("shop/other.txt")),
    ]
    assert len(merged([finding(), *others])) == 4


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            "pkg:deb/debian/openssl@3.0.1?arch=amd64&distro=debian-12.5",
            "pkg:deb/debian/openssl@3.0.1",
        ),
        ("pkg:npm/%40angular/core@1.0", "pkg:npm/@angular/core@1.0"),
        ("pkg:pypi/Ruamel_YAML@1.0", "pkg:pypi/ruamel-yaml@1.0"),
        ("pkg:golang/example.com/a@v1.0#sub", "pkg:golang/example.com/a@v1.0"),
    ],
)
def test_scanners_may_spell_a_package_differently(one: str, other: str) -> None:
    assert plain_purl(one) == plain_purl(other)
    assert vulnerability_id(one, "CVE-1", "a") == vulnerability_id(other, "CVE-1", "a")


@pytest.mark.slow
@given(st.sets(st.from_regex(r"(CVE|GHSA|RHSA)-[0-9]{4}-[0-9]{2}", fullmatch=True), min_size=1))
def test_the_advisory_is_the_same_in_whatever_order_a_scanner_names_it(names: set[str]) -> None:
    assert advisory_of(sorted(names)) == advisory_of(sorted(names, reverse=True))
    assert advisory_of(names).startswith("CVE-") or not any(n.startswith("CVE-") for n in names)


def test_what_nobody_has_rated_does_not_go_under() -> None:
    assert severity_of("UNKNOWN") is severity_of("") is Severity.MEDIUM
    assert severity_of("negligible") is Severity.INFORMATIONAL


def test_risk_follows_exploitation_and_severity() -> None:
    # By Grype's formula: 0.12 * mean(5.0, 5.4) / 10 * 100.
    assert risk(finding(epss=0.12, cvss=(5.4,))) == pytest.approx(6.24)
    assert risk(finding(kev=True, severity=Severity.HIGH)) == pytest.approx(78.75)
    assert risk(finding(kev=True, ransomware=True, severity=Severity.CRITICAL)) == pytest.approx(99)
    assert risk(finding()) is None, "nothing is known of its exploitation"


def test_exploitation_is_known_from_the_files_of_first_and_cisa(tmp_path: Path) -> None:
    epss, kev = tmp_path / "epss.csv.gz", tmp_path / "kev.json"
    with gzip.open(epss, "wt") as out:
        out.write("#model_version:v2025.03.14\ncve,epss,percentile\nCVE-2024-22195,0.12,0.9\n")
    entry = {"cveID": "CVE-2024-22195", "knownRansomwareCampaignUse": "Known"}
    kev.write_text(json.dumps({"vulnerabilities": [entry]}))
    found = Threats.load(epss, kev).weigh(finding())
    assert (found.epss, found.kev, found.ransomware) == (0.12, True, True)
    assert found.risk == pytest.approx(55)


def test_files_that_say_nothing_of_exploitation_are_refused(tmp_path: Path) -> None:
    wrong = tmp_path / "page.html"
    wrong.write_text("<html>rate limited</html>")
    with pytest.raises(ConfigError, match="cannot be read as CISA"):
        Threats.load(None, wrong)
    with pytest.raises(ConfigError, match="holds no EPSS scores"):
        Threats.load(wrong, None)


def test_a_finding_is_json() -> None:
    assert json.loads(json.dumps(to_jsonable(finding())))["purl"] == PURL
