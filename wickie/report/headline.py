"""What a run amounts to, in one sentence: the first thing every rendering says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wickie.model import RotationState, Stage, Verdict
from wickie.report.record import Tone

if TYPE_CHECKING:
    from collections.abc import Sized

    from wickie.report.record import Report


@dataclass(frozen=True)
class Headline:
    """A sentence, what it is to be taken as, and the sentence that qualifies it."""

    text: str
    tone: Tone
    detail: str


def headline(report: Report) -> Headline:
    """Say what leaked and whether it still works; never say clean where something went unread."""
    dead = dead_versions(report)
    leaked = leaked_secrets(report)
    others = [f for f in report.counted if not f.managed]
    unanswered = [arn for arn in leaked if secret_name(arn) not in {name for name, _ in dead}]
    names = ", ".join(map(secret_name, unanswered))
    undone = [r for r in report.rotations if r.state is not RotationState.ROTATED]
    live = [f for f in others if f.verdict is Verdict.LIVE]
    copied = {f.managed.arn for f in report.counted if f.managed and f.managed.honeytoken}
    taken = ", ".join(map(secret_name, sorted(copied)))
    beside = f"; {count(len(others), 'other finding')}" if others else ""
    claims: tuple[tuple[Sized, str, str, Tone], ...] = (
        (unanswered, "leaked secret", f" may still work: {names}", Tone.BAD),
        (undone, "secret", " could not be rotated", Tone.BAD),
        (copied, "honeytoken", f" found where nobody planted it: {taken}", Tone.BAD),
        (live, "live credential", " found", Tone.BAD),
        (
            leaked,
            "leaked secret",
            f" rotated, the old value proven dead{beside}",
            Tone.WARNING if others else Tone.GOOD,
        ),
        (report.counted, "finding", "", Tone.WARNING),
        (() if report.scan else report.rotations, "secret", " rotated", Tone.GOOD),
    )
    for things, noun, rest, tone in claims:
        if things:
            return Headline(f"{count(len(things), noun)}{rest}", tone, _detail(report))
    if report.scan and not report.scan.artifacts:
        return Headline("Nothing was read, so nothing is known", Tone.BAD, _detail(report))
    nothing = "Nothing found that is not suppressed" if report.findings else "Nothing found"
    if report.scan and report.scan.gaps:
        return Headline(f"{nothing} in what could be read", Tone.WARNING, _detail(report))
    return Headline(nothing, Tone.GOOD, _detail(report))


def dead_versions(report: Report) -> set[tuple[str, str | None]]:
    """Name and version of each old value that its target was seen refusing; UNKNOWN is not DEAD."""
    return {
        (secret_name(rotation.secret), rotation.from_version)
        for rotation in report.rotations
        if rotation.old_credential is Verdict.DEAD
    }


def leaked_secrets(report: Report) -> list[str]:
    """ARNs of the secrets a version of which, not yet retired, was found; in order of urgency."""
    found = [f.managed for f in report.counted if f.managed and not f.managed.honeytoken]
    return list(dict.fromkeys(m.arn for m in found if m.stage is not Stage.RETIRED))


def secret_name(arn: str) -> str:
    """The name within a secret's ARN, without the six characters AWS appends to it."""
    head, separator, name = arn.partition(":secret:")
    return name.rpartition("-")[0] or name if separator else head


def count(number: int, noun: str) -> str:
    """`1 finding`, `2 findings`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def size(number: int) -> str:
    """Bytes as a person reads them: `512 B`, `3.4 MB`."""
    amount = float(number)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:  # noqa: PLR2004  (the step between SI units)
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def _detail(report: Report) -> str:
    scan = report.scan
    if scan is None:
        return f"Stage {report.stage}."
    seconds = (scan.finished - scan.started).total_seconds()
    read = f"{count(scan.artifacts, 'artifact')} ({size(scan.bytes_scanned)}), {seconds:.1f} s"
    gaps = f"; {count(len(scan.gaps), 'gap')}: not everything could be read" if scan.gaps else ""
    hidden = len(report.findings) - len(report.counted)
    beside = f", {hidden:,} of them suppressed," if hidden else ""
    return f"{count(len(scan.findings), 'finding')}{beside} in {read}{gaps}."
