"""The program as its users run it: a runner in this process, and a folder to work in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from wickie.cli import app

Wickie = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: empty."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def wickie(folder: Path) -> Wickie:  # noqa: ARG001  (every command runs in the empty folder)
    """Run `wickie ARGUMENT…` and return what it wrote and its exit code."""
    return lambda *arguments: CliRunner().invoke(app, arguments)


@pytest.fixture
def configured(folder: Path) -> Callable[[str], Path]:
    """Write a wickie.yaml into the working directory."""

    def write(text: str) -> Path:
        path = folder / "wickie.yaml"
        path.write_text(text)
        return path

    return write
