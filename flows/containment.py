"""The leak response of a scan: each managed version that was seen is dealt with once, at once."""

from __future__ import annotations

import contextvars
import threading
from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final, Self

from flows.rotate import NotRotatedError, respond, run_name, settled
from flows.runner import step
from wickie.aws import Clients
from wickie.config import Config
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
_once: Final = step.with_options(retries=0)  # the steps within are retried each for itself


class Containment:
    """
    Replaces leaked versions while the scan goes on. Use as a context manager.

    It does so in tasks of the scan's own flow run: a sub-flow's run takes Prefect seconds to make,
    in which the leaked value would be honoured. The scan's pool of workers is full of targets, so
    this one is apart. Versions of one secret take turns: with alternating users two of them may
    share a user.
    """

    def __init__(self, config: Config, clients: Clients, findings_table: str) -> None:
        self._config = config
        self._clients = clients
        self._findings_table = findings_table
        self._workers = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="containment")
        self._turns: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._responses: dict[tuple[str, str], Future[RotationOutcome]] = {}

    def respond(self, findings: Iterable[Finding]) -> None:
        """Start on every version not seen before, and return at once."""
        for finding in findings:
            leaked = finding.managed
            # A retired version is dead already: information. A honeytoken is to stay as it is.
            if leaked is None or leaked.honeytoken or leaked.stage is Stage.RETIRED:
                continue
            key = (leaked.arn, leaked.version_id)
            if key not in self._responses:
                seen = TimelineEntry("leak seen", datetime.now(UTC), finding.location.uri)
                # The context is how its tasks know whose they are.
                run = contextvars.copy_context().run
                self._responses[key] = self._workers.submit(run, self._contain, leaked, seen)

    def outcomes(self) -> dict[tuple[str, str], RotationOutcome]:
        """Wait for every response; what became of each ARN and version."""
        return {key: response.result() for key, response in self._responses.items()}

    def _contain(self, leaked: ManagedVersion, seen: TimelineEntry) -> RotationOutcome:
        try:
            with self._turns[leaked.arn]:
                outcome = _once(run_name(leaked.arn), lambda: self._replace(leaked))
        except NotRotatedError as error:
            outcome = error.outcome
        except Error as error:
            outcome = RotationOutcome(
                secret=leaked.arn,
                state=RotationState.FAILED,
                reason="leak",
                from_version=leaked.version_id,
                error=str(error),
            )
        return replace(outcome, timeline=(seen, *outcome.timeline))

    def _replace(self, leaked: ManagedVersion) -> RotationOutcome:
        """Fails where the `rotate` flow would, so that people see the task fail."""
        arn, version = leaked.arn, leaked.version_id
        return settled(respond(self._config, self._clients, self._findings_table, arn, version))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._workers.shutdown()
