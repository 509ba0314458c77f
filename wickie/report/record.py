"""The record of one run: what was found, what was done about it, and what that amounts to."""

from __future__ import annotations

import enum
import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from wickie.model import Finding, RotationState, ScanResult, Severity, Stage, Verdict, to_jsonable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wickie.model import RotationOutcome

SCHEMA_VERSION: Final = "1"
"""Of report.json and of JSON lines; raised when a field changes its meaning or goes away."""

_DONE: Final = (RotationState.ROTATED, RotationState.DEBOUNCED)
_SEVEREST_FIRST: Final = tuple(Severity)


class Tone(enum.StrEnum):
    """How a headline is meant to be taken; also the name of its colour."""

    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"


@dataclass(frozen=True)
class Report:
    """One run of wickie in one stage. Cannot be made with a `Sensitive` anywhere inside."""

    stage: str
    scan: ScanResult | None = None
    rotations: tuple[RotationOutcome, ...] = ()
    created: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __post_init__(self) -> None:
        to_jsonable(self)

    @property
    def kind(self) -> str:
        """`scan`, or `rotation` for a run that only rotated."""
        return "scan" if self.scan else "rotation"

    @property
    def run_id(self) -> str:
        """The scan's run; a run that only rotated is named by its time and secrets."""
        if self.scan:
            return self.scan.run_id
        secrets = "\n".join(rotation.secret for rotation in self.rotations)
        digest = hashlib.sha256(secrets.encode()).hexdigest()[:8]
        return f"{self.created.astimezone(UTC):%Y%m%dT%H%M%SZ}-{digest}"

    @property
    def day(self) -> str:
        """The UTC day the run began; what results are partitioned by."""
        began = self.scan.started if self.scan else self.created
        return f"{began.astimezone(UTC):%Y-%m-%d}"

    @property
    def ended(self) -> datetime:
        """When the run was over."""
        return self.scan.finished if self.scan else self.created

    @property
    def records(self) -> Mapping[str, Sequence[object]]:
        """What JSON lines are made of, by their kinds."""
        gaps = self.scan.gaps if self.scan else ()
        return {"findings": self.findings, "gaps": gaps, "rotations": self.rotations}

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What needs a person most comes first: managed, then live, then severe."""
        found = self.scan.findings if self.scan else ()
        return tuple(sorted(found, key=_urgency))

    @property
    def counted(self) -> tuple[Finding, ...]:
        """Those that nothing suppresses."""
        return tuple(found for found in self.findings if not found.suppressed_by)

    def exit_code(self) -> int:
        """
        0 clean, 10 findings that nothing suppresses, 11 at least one of them live or managed,
        1 could not be concluded.

        A scan that could not read everything has not shown that there is nothing, and a pipeline
        must not take it so; neither is a rotation that did not end well a success.
        """
        if any(f.managed or f.verdict is Verdict.LIVE for f in self.counted):
            return 11
        if self.counted:
            return 10
        unread = self.scan and (self.scan.gaps or not self.scan.artifacts)
        undone = any(rotation.state not in _DONE for rotation in self.rotations)
        return 1 if unread or undone else 0


def _urgency(finding: Finding) -> tuple[bool, bool, bool, int, str, int, str]:
    """A total order: a night that knew most of it already tells it in the same one."""
    return (
        finding.suppressed_by is not None,
        finding.managed is None or finding.managed.stage is Stage.RETIRED,
        finding.verdict is not Verdict.LIVE,
        _SEVEREST_FIRST.index(finding.severity),
        finding.location.uri,
        finding.location.line or 0,
        finding.id,
    )
