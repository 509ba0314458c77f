"""The report on a terminal: the headline, then a table per question, each only if it has rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from wickie.model import RotationState, Severity, Verdict
from wickie.report.headline import dead_versions, headline, secret_name
from wickie.report.record import Tone

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rich.console import Console

    from wickie.model import Finding, Gap, RotationOutcome
    from wickie.report.record import Report

STYLES: Final[Mapping[str, str]] = {
    Tone.GOOD: "bold green",
    Tone.WARNING: "bold yellow",
    Tone.BAD: "bold red",
    Severity.CRITICAL: "bold red",
    Severity.HIGH: "red",
    Severity.MEDIUM: "yellow",
    RotationState.ROTATED: "green",
    Verdict.DEAD: "green",
}


def print_report(report: Report, console: Console) -> None:
    """Write the report for a person; `console` decides about width and colour."""
    said = headline(report)
    if report.findings:
        console.print(_findings_table(report))
    for rotation in report.rotations:
        console.print(_rotation_table(rotation))
    if report.scan and report.scan.gaps:
        console.print(_gaps_table(report.scan.gaps))
    console.print(plain(said.text, STYLES[said.tone]))
    console.print(plain(said.detail))


def _findings_table(report: Report) -> Table:
    """What was found, the most urgent first."""
    dead = dead_versions(report)
    table = _table("Findings", "Severity", "What", "Where", "Managed secret", "Key")
    for finding in report.findings:
        line = f":{finding.location.line}" if finding.location.line else ""
        table.add_row(
            _styled(finding.severity),
            plain(finding.title),
            plain(f"{finding.location.uri}{line}"),
            plain(_managed(finding, dead)),
            plain(
                f"suppressed: {by.reason}" if (by := finding.suppressed_by) else finding.value_key
            ),
        )
    return table


def _rotation_table(rotation: RotationOutcome) -> Table:
    """What one rotation did, line by line."""
    title = f"{secret_name(rotation.secret)}: {rotation.state.replace('_', ' ').lower()}"
    table = Table(
        title=plain(title), title_justify="left", title_style="bold", show_header=False, box=None
    )
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    if rotation.error:
        table.add_row("error", plain(rotation.error, STYLES[Tone.BAD]))
    table.add_row("strategy", rotation.strategy or "unknown")
    table.add_row("old value", f"{rotation.from_version or 'none'} {rotation.old_credential}")
    table.add_row("new value", f"{rotation.to_version or 'none'} {rotation.new_credential}")
    for dependent in rotation.dependents:
        table.add_row(plain(dependent.name), plain(f"{dependent.state} {dependent.detail}"))
    for warning in rotation.warnings:
        table.add_row("warning", plain(warning))
    table.add_row("time", f"{rotation.seconds:.1f} s")
    return table


def _gaps_table(gaps: Iterable[Gap]) -> Table:
    """What was to be read and could not be."""
    table = _table("Not scanned", "Where", "Why")
    for gap in gaps:
        table.add_row(plain(gap.uri), plain(gap.reason))
    return table


def plain(text: str, style: str = "") -> Text:
    """Text from elsewhere, taken literally: a file name may hold markup or terminal commands."""
    return Text("".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text), style)


def _table(title: str, *heads: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    for head in heads:
        table.add_column(head, overflow="fold")
    return table


def _styled(word: str) -> Text:
    return Text(word.lower(), style=STYLES.get(word, ""))


def _managed(finding: Finding, dead: set[tuple[str, str | None]]) -> str:
    if finding.managed is None:
        return ""
    name = secret_name(finding.managed.arn)
    if (name, finding.managed.version_id) in dead:
        return f"{name} (dead now)"
    return f"{name} ({finding.managed.stage.lower()})"
