"""The leak response of a scan: each managed version that was seen is dealt with once, at once."""

from __future__ import annotations

import contextvars
import threading
from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Self

from flows.rotate import outcome_of, rotate
from flows.runner import told_safely
from wickie.errors import Error
from wickie.model import (
    Finding,
    ManagedVersion,
    RotationOutcome,
    RotationState,
    Stage,
    TimelineEntry,
)

_AT_ONCE: Final = 4


class Containment:
    """
    Runs `rotate` for leaked versions while the scan goes on. Use as a context manager.

    The scan's own pool of workers is full of targets, so this one is apart. Versions of one
    secret take turns: with alternating users two of them may share a user.
    """

    def __init__(self, config: Path) -> None:
        self._config = config
        self._workers = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="containment")
        self._turns: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._responses: dict[tuple[str, str], Future[RotationOutcome]] = {}

    def respond(self, findings: Iterable[Finding]) -> None:
        """Start on every version not seen before, and return at once."""
        for finding in findings:
            leaked = finding.managed
            # A retired version is dead already: information.
            if leaked is None or leaked.stage is Stage.RETIRED:
                continue
            key = (leaked.arn, leaked.version_id)
            if key not in self._responses:
                seen = TimelineEntry("leak seen", datetime.now(UTC), finding.location.uri)
                # The context is how the subflow knows whose child it is.
                run = contextvars.copy_context().run
                self._responses[key] = self._workers.submit(run, self._contain, leaked, seen)

    def outcomes(self) -> dict[tuple[str, str], RotationOutcome]:
        """Wait for every response; what became of each ARN and version."""
        return {key: response.result() for key, response in self._responses.items()}

    def _contain(self, leaked: ManagedVersion, seen: TimelineEntry) -> RotationOutcome:
        outcome = None
        try:
            with self._turns[leaked.arn], told_safely(f"rotation of {leaked.arn}"):
                state = rotate(
                    leaked.arn, self._config, "leak", leaked.version_id, return_state=True
                )
            outcome, why = outcome_of(state), state.message
        except Error as error:
            why = str(error)
        outcome = outcome or RotationOutcome(
            secret=leaked.arn,
            state=RotationState.FAILED,
            reason="leak",
            from_version=leaked.version_id,
            error=why,
        )
        return replace(outcome, timeline=(seen, *outcome.timeline))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._workers.shutdown()
