from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace

from rich.console import Console

from wickie.model import Finding, Location
from wickie.report import Report
from wickie.report.terminal import print_report


def shown(report: Report) -> str:
    console = Console(file=io.StringIO(), width=160)
    print_report(report, console)
    written: str = console.file.getvalue()  # type: ignore[attr-defined]
    return written


def test_findings_rotations_gaps_and_the_headline_are_shown(report: Report) -> None:
    text = shown(report)
    for told in (
        "s3://shop-logs/app.log:42",
        "shop/orders (dead now)",
        "alternating-users",
        "AccessDenied on ListObjectsV2",
        "1 leaked secret rotated, the old value proven dead",
    ):
        assert told in text


def test_a_file_name_cannot_command_the_terminal(
    token: Finding, scanned: Callable[..., Report]
) -> None:
    name = "[red]a[/red]\x1b[2Jb\nc"
    text = shown(scanned(replace(token, location=Location(name))))
    assert "\x1b" not in text
    assert "[red]a[/red]" in text
