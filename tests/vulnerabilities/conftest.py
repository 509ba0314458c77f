"""Scanners with databases of the tests' own, and a folder with two vulnerable pins."""

from __future__ import annotations

import shutil
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from tests.vulnerabilities import grypedb
from tests.vulnerabilities.databases import trivy_database
from tests.vulnerabilities.present import trivy_path
from wickie.vulnerabilities.grype import Grype
from wickie.vulnerabilities.program import Program
from wickie.vulnerabilities.scanner import Database, file_sha256
from wickie.vulnerabilities.trivy import Trivy

GRYPE = "GOBIN=~/.cache/wickie/grype-0.115.0 go install github.com/anchore/grype/cmd/grype@v0.115.0"
"""No test does it: it takes minutes. Of 0.116.0 the module proxy lacks a dependency."""


@pytest.fixture(scope="session")
def trivy_program() -> Program:
    """The real Trivy, where a wheel of it exists for this machine."""
    return Program("trivy", trivy_path())


@pytest.fixture(scope="session")
def trivy(trivy_program: Program, tmp_path_factory: pytest.TempPathFactory) -> Trivy:
    """Trivy with a fresh database."""
    return Trivy(trivy_program, Database(trivy_database(tmp_path_factory.mktemp("trivy"))), 60)


@pytest.fixture(scope="session")
def grype_program() -> Program:
    cached = sorted(Path.home().glob(".cache/wickie/grype-*/grype"), reverse=True)
    found = shutil.which("grype") or next(map(str, cached), None)
    if not found:
        pytest.skip(f"no grype on this machine; build it once: {GRYPE}")
    return Program("grype", found, file_sha256(Path(found)))


def imported(program: Program, folder: Path, age: timedelta = timedelta()) -> Database:
    """A cache directory of Grype's with the tests' database."""
    source = grypedb.write(folder / "source.db", age)
    cache = folder / "cache"
    environment = {"GRYPE_DB_CACHE_DIR": str(cache), "GRYPE_CHECK_FOR_APP_UPDATE": "false"}
    environment |= {"HOME": str(folder), "GRYPE_DB_VALIDATE_AGE": "false"}
    command = [program.path or "", "db", "import", str(source)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return Database(cache)


@pytest.fixture(scope="session")
def grype(grype_program: Program, tmp_path_factory: pytest.TempPathFactory) -> Grype:
    return Grype(grype_program, imported(grype_program, tmp_path_factory.mktemp("grype")), 120)


@pytest.fixture
def pins(tmp_path: Path) -> Path:
    """A project that pins an old Jinja2 and an old Werkzeug, and a Flask nobody knows ill of."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "requirements.txt").write_text("flask==3.0.0\njinja2==3.1.2\nwerkzeug==0.15.2\n")
    return folder
