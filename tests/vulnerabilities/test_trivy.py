"""The real Trivy, on every kind of target that needs no registry."""

from __future__ import annotations

import fcntl
import json
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.vulnerabilities import images
from tests.vulnerabilities.databases import JINJA, JINJA_GHSA, OPENSSL, WERKZEUG, trivy_database
from wickie.errors import ConfigError, SourceError
from wickie.model import Severity
from wickie.vulnerabilities.program import KNOWN
from wickie.vulnerabilities.scanner import Database, ScannerResult, file_sha256
from wickie.vulnerabilities.scanning import scan_target
from wickie.vulnerabilities.target import Kind, Target
from wickie.vulnerabilities.trivy import Trivy

pytestmark = pytest.mark.slow


def advisories(result: ScannerResult) -> set[str]:
    return {found.advisory for found in result.findings}


def test_a_vulnerable_pin_is_found_with_its_line_and_what_fixes_it(
    trivy: Trivy, pins: Path
) -> None:
    result = trivy.scan(Target(Kind.DIRECTORY, str(pins)))
    found = {each.advisory: each for each in result.findings}
    assert found.keys() == {JINJA, WERKZEUG}
    jinja, werkzeug = found[JINJA], found[WERKZEUG]
    assert (jinja.purl, jinja.installed, jinja.fixed) == (
        "pkg:pypi/jinja2@3.1.2",
        "3.1.2",
        ("3.1.3",),
    )
    assert jinja.location.uri == f"{pins}/requirements.txt"
    assert jinja.location.line == 2
    assert jinja.aliases == (JINJA_GHSA,)
    assert (werkzeug.severity, werkzeug.cvss) == (Severity.HIGH, (7.5,))
    assert result.packages == 3


def test_a_lock_file_alone_is_scanned_too(trivy: Trivy, pins: Path) -> None:
    result = trivy.scan(Target(Kind.LOCK_FILE, str(pins / "requirements.txt")))
    assert advisories(result) == {JINJA, WERKZEUG}
    assert {each.location.uri for each in result.findings} == {str(pins / "requirements.txt")}


def test_an_image_archive_shows_what_its_distribution_and_its_languages_bring(
    trivy: Trivy, tmp_path: Path
) -> None:
    archive = images.archive(tmp_path / "demo.tar")
    found = {e.advisory: e for e in trivy.scan(Target(Kind.IMAGE_ARCHIVE, str(archive))).findings}
    assert found.keys() == {JINJA, OPENSSL}
    assert found[OPENSSL].location.uri == str(archive)
    assert found[OPENSSL].purl == "pkg:deb/debian/openssl@3.0.1-1"
    assert found[OPENSSL].layer == images.digest(images.layer())
    assert found[JINJA].location.uri.endswith(
        "#usr/lib/python3/dist-packages/jinja2-3.1.2.dist-info/METADATA"
    )


def test_a_distribution_at_its_end_is_a_gap_since_nobody_tells_what_is_wrong_with_it(
    trivy: Trivy, tmp_path: Path
) -> None:
    archive = images.archive(tmp_path / "old.tar", release="9.13")
    scanned = scan_target(Target(Kind.IMAGE_ARCHIVE, str(archive)), {"trivy": trivy})
    (gap,) = scanned.gaps
    assert "trivy: debian 9.13 is no longer supported" in gap.reason
    assert {each.advisory for each in scanned.findings} == {JINJA}


def test_a_lambda_package_is_scanned_for_what_is_installed_in_it(
    trivy: Trivy, tmp_path: Path
) -> None:
    package = tmp_path / "function.zip"
    with zipfile.ZipFile(package, "w") as opened:
        for name, text in images.python_package("jinja2", "3.1.2").items():
            opened.writestr(name, text)
    (found,) = trivy.scan(Target(Kind.LAMBDA_ZIP, str(package))).findings
    assert found.advisory == JINJA
    assert found.location.uri == f"{package}#jinja2-3.1.2.dist-info/METADATA"


def test_the_bill_of_materials_that_comes_out_tells_the_same_when_it_goes_in(
    trivy: Trivy, pins: Path, tmp_path: Path
) -> None:
    sbom = trivy.scan(Target(Kind.DIRECTORY, str(pins))).sbom
    assert sbom
    assert sbom["bomFormat"] == "CycloneDX"
    file = tmp_path / "sbom.cdx.json"
    file.write_text(json.dumps(sbom))
    assert advisories(trivy.scan(Target(Kind.SBOM, str(file)))) == {JINJA, WERKZEUG}


def test_the_same_finding_has_the_same_id_every_night(trivy: Trivy, pins: Path) -> None:
    target = Target(Kind.DIRECTORY, str(pins))
    once, again = trivy.scan(target), trivy.scan(target)
    assert [each.id for each in once.findings] == [each.id for each in again.findings]


def test_what_lies_beside_the_target_cannot_hide_findings(
    trivy: Trivy, pins: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (pins / ".trivyignore").write_text(f"{JINJA}\n{WERKZEUG}\n")
    (pins / "trivy.yaml").write_text("severity: [CRITICAL]\n")
    monkeypatch.setenv("TRIVY_SEVERITY", "CRITICAL")
    monkeypatch.chdir(pins)
    assert advisories(trivy.scan(Target(Kind.DIRECTORY, str(pins)))) == {JINJA, WERKZEUG}


def test_several_scans_at_a_time_do_not_shut_each_other_out(trivy: Trivy, tmp_path: Path) -> None:
    target = Target(Kind.IMAGE_ARCHIVE, str(images.archive(tmp_path / "demo.tar")))
    # What another scan with Trivy's default backend holds; short scans seldom meet by themselves.
    cache = trivy.database.directory / "fanal" / "fanal.db"
    cache.parent.mkdir(exist_ok=True)
    with cache.open("wb") as held, ThreadPoolExecutor(2) as pool:
        fcntl.flock(held, fcntl.LOCK_EX)
        results = list(pool.map(lambda _: trivy.scan(target), range(4)))
    assert all(advisories(result) == {JINJA, OPENSSL} for result in results)


@pytest.mark.parametrize("kind", [Kind.IMAGE_ARCHIVE, Kind.SBOM])
def test_a_target_that_cannot_be_read_is_an_error_and_not_clean(
    trivy: Trivy, tmp_path: Path, kind: Kind
) -> None:
    broken = tmp_path / "broken"
    broken.write_text("neither an image nor a bill of materials")
    with pytest.raises(SourceError, match=r"trivy could not scan .*broken"):
        trivy.scan(Target(kind, str(broken)))


def test_jars_without_the_database_for_them_are_an_error_that_tells_what_to_fetch(
    trivy: Trivy, tmp_path: Path
) -> None:
    package = tmp_path / "function.zip"
    with zipfile.ZipFile(package, "w") as opened, opened.open("lib/a.jar", "w") as jar:
        zipfile.ZipFile(jar, "w").close()
    with pytest.raises(SourceError, match=r"for its JARs it needs .* --download-java-db-only"):
        trivy.scan(Target(Kind.LAMBDA_ZIP, str(package)))


def test_a_database_that_breaks_between_check_and_scan_is_an_error(
    trivy: Trivy, pins: Path, tmp_path: Path
) -> None:
    without = replace(trivy, database=Database(tmp_path / "empty"))
    with pytest.raises(SourceError, match="trivy could not scan"):
        without.scan(Target(Kind.DIRECTORY, str(pins)))


def test_a_scan_that_does_not_end_is_ended(trivy: Trivy, pins: Path) -> None:
    with pytest.raises(SourceError, match=r"did not end within 0\.001 s; raise timeout"):
        replace(trivy, timeout=0.001).scan(Target(Kind.DIRECTORY, str(pins)))


def test_the_attestation_names_program_and_database(trivy: Trivy) -> None:
    said = trivy.attest()
    assert (said.engine, said.version) == ("trivy", "0.76.0")
    assert said.sha256 == KNOWN["trivy", "0.76.0"]
    assert said.database.schema == "2"


def test_without_a_database_nothing_is_scanned(trivy: Trivy, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no database in .*fetch one there"):
        replace(trivy, database=Database(tmp_path)).attest()


def test_an_old_database_is_refused_unless_the_configuration_allows_its_age(
    trivy: Trivy, tmp_path: Path
) -> None:
    old = trivy_database(tmp_path, age=timedelta(days=6))
    with pytest.raises(ConfigError, match="is 6 days old and may be 5"):
        replace(trivy, database=Database(old)).attest()
    pinned = Database(old, sha256=file_sha256(old / "db" / "trivy.db"))
    for allowed in (Database(old, max_age=timedelta(days=30)), pinned):
        assert replace(trivy, database=allowed).attest().version
    with pytest.raises(ConfigError, match="not the pinned"):
        replace(trivy, database=replace(pinned, sha256="0" * 64)).attest()
