"""What Grype's driver makes of Grype's words: a program on paper that says what is written here."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from wickie.credentials import Sensitive
from wickie.errors import ConfigError, SourceError
from wickie.model import Severity
from wickie.vulnerabilities.grype import Grype
from wickie.vulnerabilities.program import Program
from wickie.vulnerabilities.scanner import Database, Login, file_sha256
from wickie.vulnerabilities.target import Kind, Target

IMAGE = f"registry.example.com/shop/web@sha256:{'a' * 64}"
# Of grype/presenter/models at v0.115.0, by hand.
MATCH: dict[str, Any] = {
    "vulnerability": {
        "id": "GHSA-h5c8-rqwp-cp95",
        "dataSource": "https://github.com/advisories/GHSA-h5c8-rqwp-cp95",
        "severity": "Medium",
        "description": "Jinja vulnerable to HTML attribute injection",
        "cvss": [{"version": "3.1", "metrics": {"baseScore": 5.4}}],
        "epss": [{"cve": "CVE-2024-22195", "epss": 0.12, "percentile": 0.9}],
        "knownExploited": [{"cve": "CVE-2024-22195", "knownRansomwareCampaignUse": "Known"}],
        "fix": {"versions": ["3.1.3"], "state": "fixed"},
        "risk": 55.0,
    },
    "relatedVulnerabilities": [{"id": "CVE-2024-22195"}],
    "artifact": {
        "name": "jinja2",
        "version": "3.1.2",
        "type": "python",
        "purl": "pkg:pypi/jinja2@3.1.2",
        "locations": [
            {"path": "/usr/lib/jinja2-3.1.2.dist-info/RECORD", "layerID": "sha256:1"},
            {
                "path": "/usr/lib/jinja2-3.1.2.dist-info/METADATA",
                "layerID": "sha256:1",
                "annotations": {"evidence": "primary"},
            },
        ],
    },
}
BILL = {
    "bomFormat": "CycloneDX",
    "components": [{"type": "library", "purl": "pkg:pypi/jinja2@3.1.2"}],
}
REPORT = {"matches": [MATCH], "descriptor": {"name": "grype", "version": "0.115.0"}}
_SCRIPT = """#!/bin/sh
env >seen-environment; cp -r . "{folder}/seen"; echo "$@" >>"{folder}/arguments"
case "$*" in
*" version "*) cat "{folder}/version.json" ;;
*"db status"*) cat "{folder}/status.json" ;;
*) for each in "$@"; do case "$each" in
    json=*) cp "{folder}/report.json" "${{each#json=}}" ;;
    cyclonedx-json=*) cp "{folder}/sbom.json" "${{each#cyclonedx-json=}}" ;;
    esac; done ;;
esac
echo "{told}" >&2
exit {code}
"""


def fake(folder: Path, *, report: Any = REPORT, code: int = 0, **status: Any) -> Grype:
    """A Grype that says so."""
    known = {
        "schemaVersion": "v6.1.7",
        "built": datetime.now(UTC).isoformat(timespec="seconds"),
        "path": str(folder / "6" / "vulnerability.db"),
        "valid": True,
        **status,
    }
    version = {"version": "0.115.0"}
    documents = {"report": report, "sbom": BILL, "version": version, "status": known}
    for name, document in documents.items():
        (folder / f"{name}.json").write_text(json.dumps(document))
    program = folder / "grype"
    program.write_text(_SCRIPT.format(folder=folder, code=code, told="no access to sesame"))
    program.chmod(0o755)
    return Grype(Program("grype", str(program), file_sha256(program)), Database(folder), 30)


def test_a_match_is_the_finding_that_trivy_would_make_of_it(tmp_path: Path) -> None:
    (found,) = fake(tmp_path).scan(Target(Kind.IMAGE, IMAGE)).findings
    assert (found.advisory, found.aliases) == ("CVE-2024-22195", ("GHSA-h5c8-rqwp-cp95",))
    assert (found.severity, found.cvss, found.epss) == (Severity.MEDIUM, (5.4,), 0.12)
    assert (found.kev, found.ransomware, found.fixed) == (True, True, ("3.1.3",))
    place = "registry.example.com/shop/web#usr/lib/jinja2-3.1.2.dist-info/METADATA"
    assert (found.location.uri, found.layer) == (place, "sha256:1")
    assert f"registry:{IMAGE}" in (tmp_path / "arguments").read_text()


@pytest.mark.parametrize("code", [1, 2, 100])
def test_every_exit_code_but_0_is_an_error_and_never_clean(tmp_path: Path, code: int) -> None:
    with pytest.raises(SourceError, match="grype could not scan"):
        fake(tmp_path, report={**REPORT, "matches": []}, code=code).scan(Target(Kind.IMAGE, IMAGE))


@pytest.mark.parametrize("report", [{}, [], {"matches": None, "descriptor": {"version": "1"}}])
def test_a_report_without_matches_is_an_error_and_not_clean(tmp_path: Path, report: Any) -> None:
    with pytest.raises(SourceError, match="wrote no report"):
        fake(tmp_path, report=report).scan(Target(Kind.IMAGE, IMAGE))


def test_it_is_offline_and_its_password_stands_in_no_file_and_no_message(tmp_path: Path) -> None:
    login = Login("registry.example.com", "AWS", Sensitive("sesame"))
    with pytest.raises(SourceError, match=r"no access to \[redacted\]"):
        fake(tmp_path, code=1).scan(Target(Kind.IMAGE, IMAGE), login)
    settings = json.loads((tmp_path / "seen" / "settings.json").read_text())
    assert settings["check-for-app-update"] is False
    assert settings["db"]["auto-update"] is False
    assert "sesame" not in json.dumps(settings)
    assert "sesame" not in (tmp_path / "arguments").read_text()
    assert "PASSWORD=sesame" in (tmp_path / "seen" / "seen-environment").read_text()


def test_a_database_that_is_invalid_absent_or_old_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no usable database .*checksum"):
        fake(tmp_path, valid=False, error="bad checksum").attest()
    old = (datetime.now(UTC) - timedelta(days=7)).isoformat()
    with pytest.raises(ConfigError, match="is 7 days old and may be 5"):
        fake(tmp_path, built=old).attest()
    assert fake(tmp_path).attest().version == "0.115.0"
