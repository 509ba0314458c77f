"""The real Grype, where somebody has built it; see `GRYPE` in conftest."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.vulnerabilities import grypedb, images
from tests.vulnerabilities.conftest import imported
from tests.vulnerabilities.databases import JINJA, JINJA_GHSA, OPENSSL, WERKZEUG
from wickie.errors import ConfigError, SourceError
from wickie.model import Severity
from wickie.vulnerabilities.grype import Grype
from wickie.vulnerabilities.risk import risk
from wickie.vulnerabilities.scanner import Database
from wickie.vulnerabilities.scanning import scan_target
from wickie.vulnerabilities.target import Kind, Target
from wickie.vulnerabilities.trivy import Trivy

pytestmark = pytest.mark.slow


def test_a_vulnerable_pin_is_found_with_what_fixes_it_and_its_epss(
    grype: Grype, pins: Path
) -> None:
    result = grype.scan(Target(Kind.DIRECTORY, str(pins)))
    found = {each.advisory: each for each in result.findings}
    assert found.keys() == {JINJA, WERKZEUG}
    jinja = found[JINJA]
    assert (jinja.purl, jinja.fixed) == ("pkg:pypi/jinja2@3.1.2", ("3.1.3",))
    assert (jinja.aliases, jinja.epss) == ((JINJA_GHSA,), grypedb.EPSS)
    assert jinja.location.uri == f"{pins}/requirements.txt"


def test_both_scanners_see_one_finding_and_say_so(trivy: Trivy, grype: Grype, pins: Path) -> None:
    scanners = {"trivy": trivy, "grype": grype}
    for kind, place in ((Kind.DIRECTORY, pins), (Kind.LOCK_FILE, pins / "requirements.txt")):
        scanned = scan_target(Target(kind, str(place)), scanners)
        assert scanned.gaps == ()
        assert {each.advisory for each in scanned.findings} == {JINJA, WERKZEUG}
        assert len(scanned.findings) == 2
        assert all(set(each.seen_by) == {"trivy", "grype"} for each in scanned.findings)


def test_both_scanners_agree_on_an_image(trivy: Trivy, grype: Grype, tmp_path: Path) -> None:
    target = Target(Kind.IMAGE_ARCHIVE, str(images.archive(tmp_path / "demo.tar")))
    scanned = scan_target(target, {"trivy": trivy, "grype": grype})
    found = {each.advisory: each for each in scanned.findings}
    assert scanned.gaps == ()
    assert len(scanned.findings) == 2
    assert found.keys() == {JINJA, OPENSSL}
    assert all(len(each.seen_by) == 2 for each in found.values())
    assert (found[OPENSSL].kev, found[OPENSSL].ransomware) == (True, True)
    assert found[OPENSSL].severity is Severity.CRITICAL


def test_both_scanners_agree_on_a_lambda_package(
    trivy: Trivy, grype: Grype, tmp_path: Path
) -> None:
    package = tmp_path / "function.zip"
    with zipfile.ZipFile(package, "w") as opened:
        for name, text in images.python_package("jinja2", "3.1.2").items():
            opened.writestr(name, text)
    target = Target(Kind.LAMBDA_ZIP, str(package))
    (found,) = scan_target(target, {"trivy": trivy, "grype": grype}).findings
    assert (found.advisory, found.seen_by) == (JINJA, ("trivy", "grype"))


def test_grype_reads_the_bill_of_materials_that_trivy_wrote(
    trivy: Trivy, grype: Grype, tmp_path: Path
) -> None:
    archive = images.archive(tmp_path / "demo.tar")
    file = tmp_path / "demo.cdx.json"
    file.write_text(json.dumps(trivy.scan(Target(Kind.IMAGE_ARCHIVE, str(archive))).sbom))
    found = grype.scan(Target(Kind.SBOM, str(file))).findings
    assert {each.advisory for each in found} == {JINJA, OPENSSL}


def test_the_bill_of_materials_is_syfts_and_trivy_reads_it(
    trivy: Trivy, grype: Grype, pins: Path, tmp_path: Path
) -> None:
    result = grype.scan(Target(Kind.DIRECTORY, str(pins)))
    assert result.packages == 3
    file = tmp_path / "sbom.cdx.json"
    file.write_text(json.dumps(result.sbom))
    found = trivy.scan(Target(Kind.SBOM, str(file))).findings
    assert {each.advisory for each in found} == {each.advisory for each in result.findings}


def test_a_place_without_packages_is_a_gap_and_not_clean(grype: Grype, tmp_path: Path) -> None:
    scanned = scan_target(Target(Kind.DIRECTORY, str(tmp_path)), {"grype": grype})
    assert not scanned.by
    assert "recognised no package" in scanned.gaps[0].reason


def test_our_risk_is_grypes_own(grype: Grype, pins: Path, tmp_path: Path) -> None:
    target = Target(Kind.DIRECTORY, str(pins))
    (found,) = [each for each in grype.scan(target).findings if each.advisory == JINJA]
    settings = ["--output", "json", "--file", str(tmp_path / "own.json"), "--quiet"]
    environment = {
        "GRYPE_DB_CACHE_DIR": str(grype.database.directory),
        "GRYPE_DB_AUTO_UPDATE": "false",
        "GRYPE_CHECK_FOR_APP_UPDATE": "false",
        "HOME": str(tmp_path),
    }
    command = [grype.program.path or sys.executable, f"dir:{pins}", *settings]
    subprocess.run(command, env=environment, check=True, timeout=120)
    matches = json.loads((tmp_path / "own.json").read_text())["matches"]
    own = next(m["vulnerability"] for m in matches if m["vulnerability"]["id"] == JINJA_GHSA)
    assert found.cvss
    assert risk(found) == pytest.approx(own["risk"])


def test_what_lies_beside_the_target_cannot_hide_findings(
    grype: Grype, pins: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (pins / ".grype.yaml").write_text(f"ignore: [{{vulnerability: {JINJA_GHSA}}}]\n")
    monkeypatch.setenv("GRYPE_ONLY_NOTFIXED", "true")
    monkeypatch.chdir(pins)
    assert len(grype.scan(Target(Kind.DIRECTORY, str(pins))).findings) == 2


def test_a_target_that_cannot_be_read_is_an_error_and_not_clean(
    grype: Grype, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.tar"
    broken.write_text("no image")
    with pytest.raises(SourceError, match=r"grype could not scan .*broken\.tar: \S+"):
        grype.scan(Target(Kind.IMAGE_ARCHIVE, str(broken)))


def test_the_attestation_names_program_and_database(grype: Grype) -> None:
    said = grype.attest()
    assert said.engine == "grype"
    assert said.sha256 == grype.program.sha256
    assert said.database.schema.startswith("v6")


def test_without_a_database_or_with_an_old_one_nothing_is_scanned(
    grype: Grype, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=r"no usable database .*fetch one there"):
        replace(grype, database=Database(tmp_path / "empty")).attest()
    old = imported(grype.program, tmp_path, timedelta(days=8))
    with pytest.raises(ConfigError, match="is 8 days old and may be 5"):
        replace(grype, database=old).attest()
