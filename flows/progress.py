"""How far a run has come, where people look at it: one progress artifact, told now and then."""

from __future__ import annotations

import threading
from time import monotonic
from typing import Any, Final

from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.logging import get_run_logger

from flows.runner import artifact_key
from wickie.report.headline import count, size

_SECONDS: Final = 5.0
"""Between one update and the next: each costs the server as much as a task run."""


class Progress:
    """Counts the targets or shards that are done with, and what has been read of the others."""

    def __init__(self, key: str, of: int, noun: str, seconds: float = _SECONDS) -> None:
        self._artifact: Any = create_progress_artifact(
            0.0, key=artifact_key(key), description=f"0 of {of}"
        )
        self._of, self._noun, self._seconds = of, noun, seconds
        self._done, self._told = 0, monotonic()
        self._read: dict[str, tuple[int, int]] = {}
        self._lock = threading.Lock()

    def read(self, name: str, artifacts: int, amount: int) -> None:
        """Note how many artifacts, and bytes, have been read of one of them."""
        self._read[name] = (artifacts, amount)
        self._tell()

    def done(self) -> None:
        """Note that one more is done with."""
        self._done += 1
        self._tell(at_once=self._done == self._of)

    def _tell(self, *, at_once: bool = False) -> None:
        # Whoever comes while another tells it has nothing to wait for, unless it is the last word.
        if not self._lock.acquire(blocking=at_once):
            return
        try:
            if at_once or monotonic() - self._told >= self._seconds:
                self._told = monotonic()
                share = 100 * self._done / self._of if self._of else 100
                update_progress_artifact(self._artifact, round(share, 1), self._words())
        except Exception as error:  # noqa: BLE001  (a scan goes on whether or not it is watched)
            get_run_logger().info("progress not told: %s", type(error).__name__)
        finally:
            self._lock.release()

    def _words(self) -> str:
        known = list(self._read.values())
        artifacts, amount = (sum(each[part] for each in known) for part in (0, 1))
        read = f": {count(artifacts, 'artifact')}, {size(amount)}" if artifacts else ""
        return f"{self._done} of {count(self._of, self._noun)}{read}"
