"""Scanners with databases of the tests' own, and a folder with two vulnerable pins."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from tests.vulnerabilities.databases import trivy_database
from wickie.vulnerabilities.program import Program
from wickie.vulnerabilities.scanner import Database
from wickie.vulnerabilities.trivy import Trivy


@pytest.fixture(scope="session")
def trivy_program() -> Program:
    """The real Trivy, where a wheel of it exists for this machine."""
    found = shutil.which("trivy", path=str(Path(sys.executable).parent))
    if not found:
        pytest.skip("no trivy in this environment: PyPI has its wheel for x86-64 Linux alone")
    return Program("trivy", found)


@pytest.fixture(scope="session")
def trivy(trivy_program: Program, tmp_path_factory: pytest.TempPathFactory) -> Trivy:
    """Trivy with a fresh database."""
    return Trivy(trivy_program, Database(trivy_database(tmp_path_factory.mktemp("trivy"))), 60)


@pytest.fixture
def pins(tmp_path: Path) -> Path:
    """A project that pins an old Jinja2 and an old Werkzeug, and a Flask nobody knows ill of."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "requirements.txt").write_text("flask==3.0.0\njinja2==3.1.2\nwerkzeug==0.15.2\n")
    return folder
