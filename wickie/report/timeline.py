"""The leak-to-dead picture: each step of a rotation as a bar from the step before to its end."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Final

from wickie.model import RotationState, TimelineEntry
from wickie.report.headline import secret_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wickie.model import Finding, RotationOutcome

_WIDTH: Final = 960
_LABELS: Final = 210
_TIMES: Final = 80
_ROW: Final = 30
_BAR: Final = 12
_SHORTEST: Final = 3.0
_AXIS: Final = 26


@dataclass(frozen=True)
class Step:
    """One row of the picture, in seconds from its beginning."""

    name: str
    detail: str
    start: float
    end: float


def steps(rotation: RotationOutcome, findings: Iterable[Finding] = ()) -> list[Step]:
    """The rotation's steps; those of a leak begin when the leak was seen, where that is known."""
    entries = list(rotation.timeline)
    seen = [
        finding.last_seen
        for finding in findings
        if finding.managed
        and finding.last_seen
        and secret_name(finding.managed.arn) == secret_name(rotation.secret)
    ]
    if rotation.reason == "leak" and entries and seen and min(seen) < entries[0].at:
        entries.insert(0, TimelineEntry("leak seen", min(seen)))
    if not entries:
        return []
    origin = previous = entries[0].at
    rows = []
    for entry in entries:
        start, end = ((moment - origin).total_seconds() for moment in (previous, entry.at))
        rows.append(Step(entry.step, entry.detail, start, end))
        previous = entry.at
    return rows


def render_timeline(rotation: RotationOutcome, findings: Iterable[Finding] = ()) -> str:
    """The steps as an inline SVG, or nothing where none were recorded."""
    rows = steps(rotation, findings)
    if not rows:
        return ""
    total = rows[-1].end
    scale = (_WIDTH - _LABELS - _TIMES) / (total or 1.0)
    height = _AXIS + _ROW * len(rows)
    told = "; ".join(f"{row.name} at {row.end:.1f} s" for row in rows)
    marks = "".join(_mark(total * part, scale, height) for part in (0, 0.25, 0.5, 0.75, 1))
    ended_well = rotation.state is RotationState.ROTATED
    bars = "".join(
        _bar(row, _AXIS + _ROW * number, scale, _shade(number, len(rows), ended_well=ended_well))
        for number, row in enumerate(rows)
    )
    return (
        f'<svg class="timeline" viewBox="0 0 {_WIDTH} {height}" role="img" '
        f'aria-label="{escape(f"{total:.1f} seconds: {told}")}">{marks}{bars}</svg>'
    )


def _shade(number: int, rows: int, *, ended_well: bool) -> str:
    if number == rows - 1:
        return "good" if ended_well else "bad"
    return "start" if number == 0 else "step"


def _mark(second: float, scale: float, height: int) -> str:
    x = _LABELS + second * scale
    return (
        f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{_AXIS - 6}" y2="{height}"/>'
        f'<text class="axis" x="{x:.1f}" y="12" text-anchor="middle">{second:.1f} s</text>'
    )


def _bar(row: Step, y: int, scale: float, shade: str) -> str:
    x = _LABELS + row.start * scale
    width = (row.end - row.start) * scale
    middle = y + _ROW / 2
    if width < _SHORTEST:
        shape = f'<circle class="{shade}" cx="{x + width:.1f}" cy="{middle}" r="{_BAR / 2}"/>'
    else:
        shape = (
            f'<rect class="{shade}" x="{x:.1f}" y="{middle - _BAR / 2}" '
            f'width="{width:.1f}" height="{_BAR}" rx="{_BAR / 2}"/>'
        )
    hint = escape(f"{row.name}: {row.detail}" if row.detail else row.name)
    return (
        f"<g><title>{hint}</title>"
        f'<text class="label" x="0" y="{middle + 4}">{escape(row.name)}</text>{shape}'
        f'<text class="time" x="{_WIDTH}" y="{middle + 4}" text-anchor="end">'
        f"{row.end:.1f} s</text></g>"
    )
