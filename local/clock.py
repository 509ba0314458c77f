"""The local AWS's clock: real time, plus however far a test has moved it."""

from __future__ import annotations

import threading
import time


class Clock:
    """Time as schedules see it. Moving it wakes everyone who waits on it."""

    def __init__(self) -> None:
        self._offset = 0.0
        self._moved = threading.Condition()

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time() + self._offset

    def advance(self, seconds: float) -> None:
        """Move the clock forward."""
        with self._moved:
            self._offset += seconds
            self._moved.notify_all()

    def sleep_until(self, moment: float, stop: threading.Event, step: float = 0.5) -> bool:
        """Block until `moment` has come (True) or `stop` is set (False)."""
        while (left := moment - self.now()) > 0:
            if stop.is_set():
                return False
            with self._moved:
                self._moved.wait(min(left, step))
        return not stop.is_set()
