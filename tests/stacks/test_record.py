"""What was built before is taken again only while all that it was made of is as it was."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from stacks import packaging
from stacks.packaging import PROJECT, build


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A checkout that a test may edit."""
    for name in ("lambdas", "stacks", "wickie"):
        shutil.copytree(PROJECT / name, tmp_path / name)
    shutil.copy(PROJECT / "uv.lock", tmp_path)
    return tmp_path


def built(project: Path, name: str) -> Path:
    program = f"from stacks.packaging import build; print(build('{name}'))"
    command = [sys.executable, "-c", program]
    told = subprocess.run(
        command, cwd=project, env=os.environ, capture_output=True, text=True, check=True
    )
    return Path(told.stdout.strip())


def test_a_changed_source_is_in_the_next_build(project):
    folder = built(project, "watch")
    assert folder.is_relative_to(project)
    with (project / "wickie" / "errors.py").open("a") as source:
        source.write("ADDED = 1\n")
    assert "ADDED = 1" in (built(project, "watch") / "wickie" / "errors.py").read_text()


def test_a_changed_driver_is_in_the_next_build(tmp_path, monkeypatch):
    installed = tmp_path / "installed"
    source = next(path for file, path in packaging._distributed("scramp") if file.name == "core.py")
    shutil.copytree(source.parent, installed / "scramp")
    monkeypatch.setattr(
        packaging,
        "_distributed",
        lambda _: ((p.relative_to(installed), p) for p in sorted(installed.rglob("*.py"))),
    )
    build("postgres", tmp_path)
    with (installed / "scramp" / "core.py").open("a") as core:
        core.write("ADDED = 1\n")
    assert "ADDED = 1" in (build("postgres", tmp_path) / "scramp" / "core.py").read_text()


def test_files_that_are_added_are_those_of_this_build(tmp_path):
    build("watch", tmp_path, files={"watched.json": "1"})
    again = build("watch", tmp_path, files={"watched.json": "2"})
    assert (again / "watched.json").read_text() == "2"


def test_nothing_is_read_anew_for_a_folder_that_is_as_it_was(tmp_path, monkeypatch):
    folder = build("watch", tmp_path)
    monkeypatch.setattr(packaging, "_reachable", lambda _: pytest.fail("built again"))
    assert build("watch", tmp_path) == folder
