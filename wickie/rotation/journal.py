"""What is told of one secret's replacement: its steps as they end, and its outcome so far."""

from __future__ import annotations

from dataclasses import replace as changed
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from wickie.model import RotationOutcome, TimelineEntry

if TYPE_CHECKING:
    from collections.abc import Callable

    from wickie.rotation.replacement import StepRunner

T = TypeVar("T")


class Journal:
    """Has steps carried out and writes them down. `result` has everything but the timeline."""

    def __init__(self, result: RotationOutcome, run: StepRunner) -> None:
        self.result = result
        self._run = run
        self._started = datetime.now(UTC)
        self._timeline = [TimelineEntry("asked", self._started, result.reason)]

    def step(
        self, name: str, action: Callable[[], T], told: Callable[[T], str] = lambda _: ""
    ) -> T:
        """Carry a step out; one that raises is not noted."""
        value = self._run(name, action)
        self.note(name, told(value))
        return value

    def note(self, step: str, detail: str) -> None:
        """Put a step into the timeline that has just ended."""
        self._timeline.append(TimelineEntry(step, datetime.now(UTC), detail))

    def record(self, **changes: Any) -> None:
        """Put what has been learnt into the result."""
        self.result = changed(self.result, **changes)

    def outcome(self) -> RotationOutcome:
        """What was done, up to now."""
        seconds = (datetime.now(UTC) - self._started).total_seconds()
        return changed(self.result, timeline=tuple(self._timeline), seconds=seconds)
