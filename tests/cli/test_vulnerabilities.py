"""`wickie vulnerabilities` with the real Trivy and a database of the test's own."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from tests.vulnerabilities.databases import JINJA, WERKZEUG, trivy_database
from tests.vulnerabilities.present import trivy_path

Wickie = Callable[..., Result]


@pytest.fixture
def project(folder: Path, configured: Callable[[str], Path]) -> Callable[..., None]:
    """A folder `code` with two vulnerable pins, and a wickie.yaml that has Trivy scan it."""
    trivy = trivy_path()
    (folder / "code").mkdir()
    (folder / "code" / "requirements.txt").write_text("jinja2==3.1.2\nwerkzeug==0.15.2\n")

    def write(age: timedelta = timedelta(), **differing: Any) -> None:
        database = {"directory": str(trivy_database(folder / "cache", age))}
        section = {
            "targets": [{"kind": "directory", "path": "code"}],
            "scanners": [{"engine": "trivy", "program": trivy, "database": database}],
        }
        configured(json.dumps({"stage": "dev", "vulnerabilities": {**section, **differing}}))

    return write


@pytest.mark.slow
def test_vulnerable_pins_are_10_and_shown_with_what_fixes_them(
    wickie: Wickie, project: Callable[..., None]
) -> None:
    project()
    done = wickie("vulnerabilities")
    assert done.exit_code == 10, done.output
    for word in (JINJA, "jinja2 3.1.2", "3.1.3", WERKZEUG, "code/requirements.txt:1", "trivy 0.76"):
        assert word in done.stdout
    assert "2 vulnerabilities, the most urgent high" in done.stdout


@pytest.mark.slow
def test_json_names_the_scanner_and_an_sbom_is_written(
    wickie: Wickie, project: Callable[..., None], folder: Path
) -> None:
    project()
    done = wickie("vulnerabilities", "code/requirements.txt", "-f", "json", "--sbom", ".")
    report = json.loads(done.stdout)
    (attested,) = report["scan"]["scanners"]
    assert (attested["engine"], len(attested["sha256"])) == ("trivy", 64)
    assert json.loads((folder / "000-trivy.cdx.json").read_text())["bomFormat"] == "CycloneDX"


@pytest.mark.slow
def test_what_is_ignored_is_0_until_the_ignore_ends(
    wickie: Wickie, project: Callable[..., None], folder: Path
) -> None:
    (folder / "code" / "requirements.txt").write_text("jinja2==3.1.2\n")
    ignored = {"advisory": JINJA, "owner": "shop", "reason": "unreachable", "until": "2999-01-01"}
    project(ignore=[ignored])
    done = wickie("vulnerabilities")
    assert done.exit_code == 0, done.output
    assert "suppressed: unreachable" in done.stdout
    assert "No vulnerability found; 1 suppressed" in done.stdout
    shutil.rmtree(folder / "cache")
    project(ignore=[ignored | {"until": "2020-01-01"}])
    done = wickie("vulnerabilities")
    assert done.exit_code == 10
    assert f"the ignore of {JINJA} by shop ended on 2020-01-01" in done.stderr


def test_an_old_database_is_an_error_before_anything_is_scanned(
    wickie: Wickie, project: Callable[..., None]
) -> None:
    project(age=timedelta(days=9))
    done = wickie("vulnerabilities")
    assert done.exit_code == 1
    assert "9 days old and may be 5; bring it up to date" in done.stderr
    assert not done.stdout


@pytest.mark.slow
def test_a_target_that_is_not_there_is_an_error_and_never_clean(
    wickie: Wickie, project: Callable[..., None], folder: Path
) -> None:
    project()
    assert wickie("vulnerabilities", "none.zip").exit_code == 1
    (folder / "clean").mkdir()
    (folder / "clean" / "requirements.txt").write_text("flask==3.0.0\n")
    assert wickie("vulnerabilities", "clean").exit_code == 0
    done = wickie("vulnerabilities", "clean", "none.zip")
    assert done.exit_code == 1
    assert "not scanned: none.zip: trivy: none.zip: no such lambda-zip" in done.stderr


@pytest.mark.slow
def test_a_folder_without_packages_is_not_called_clean(
    wickie: Wickie, project: Callable[..., None], folder: Path
) -> None:
    project()
    (folder / "empty").mkdir()
    done = wickie("vulnerabilities", "empty")
    assert done.exit_code == 1
    assert "recognised no package" in done.stderr


def test_an_image_by_tag_is_refused(wickie: Wickie, project: Callable[..., None]) -> None:
    project()
    done = wickie("vulnerabilities", "registry.example.com/shop:1")
    assert done.exit_code == 1
    assert "neither here nor an image by digest" in done.stderr
