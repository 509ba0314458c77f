"""Who watches a scan on a terminal sees how far it has come; programs see nothing of it."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from tests.cli.conftest import Wickie


def watched(monkeypatch: pytest.MonkeyPatch, *, terminal: bool) -> io.StringIO:
    """What `wickie` writes to stderr of its progress, on a terminal or not."""
    written = io.StringIO()
    console = Console(file=written, force_terminal=terminal, width=100)
    monkeypatch.setattr("wickie.cli.consoles.progress", lambda: console)
    return written


@pytest.mark.parametrize(
    ("terminal", "form", "seen"),
    [(True, "table", True), (True, "json", False), (True, "sarif", False), (False, "table", False)],
)
def test_progress_is_shown_on_a_terminal_beside_a_table_and_nowhere_else(
    wickie: Wickie,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    terminal: bool,
    form: str,
    seen: bool,
) -> None:
    written = watched(monkeypatch, terminal=terminal)
    (folder / "a.log").write_text("nothing")
    done = wickie("scan", ".", "--format", form)
    assert done.exit_code == 0
    assert ("scanning: 1 artifact, 7 B" in written.getvalue()) == seen
    assert seen or not written.getvalue().strip()
