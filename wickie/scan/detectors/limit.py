"""
How much time Kingfisher may take over a text.

Its own `timeout` asks for the time so often that a quarter of a scan goes there. It also stops
where another thread tells it to, which costs it next to nothing; and that one can count the time
that a scan has had, whatever else the machine does.
"""

from __future__ import annotations

import functools
import math
import sys
import threading
import time
from typing import TYPE_CHECKING, Final, Protocol

from kingfisher_sdk import CancellationToken

if TYPE_CHECKING:
    from kingfisher_sdk import Finding, Scanner

_TICK: Final = 0.05
"""Seconds between two looks at what is running: how late a scan may be stopped."""
_running: Final[dict[int, tuple[int, float, CancellationToken]]] = {}
"""By thread, the scan it is busy with: the thread's clock, and what that shows at its end."""


class Scan(Protocol):
    """Looks for all matches, or raises TimeoutError."""

    def __call__(self, data: bytes, *, timeout: float = math.inf) -> list[Finding]:
        """Take no more than `timeout` seconds of CPU."""


def limited(scanner: Scanner) -> Scan:
    """Scan as `scanner` does, at a cheaper limit."""

    def scan(data: bytes, *, timeout: float = math.inf) -> list[Finding]:
        _watched()
        token, thread = CancellationToken(), threading.get_ident()
        clock = _clock(thread)
        _running[thread] = clock, time.clock_gettime(clock) + timeout, token
        try:
            return scanner.scan(data, cancellation=token)
        except RuntimeError:
            if token.is_cancelled:
                raise TimeoutError from None
            raise
        finally:
            del _running[thread]

    return scan


def _clock(thread: int) -> int:
    if sys.platform == "darwin":
        return time.CLOCK_MONOTONIC  # others cannot read a thread's own
    return time.pthread_getcpuclockid(thread)


@functools.cache
def _watched() -> None:
    """Start the thread that looks after all scans of this process."""
    threading.Thread(target=_stop_what_is_late, name="scan-limit", daemon=True).start()


def _stop_what_is_late() -> None:
    never = threading.Event()
    while not never.wait(_TICK):
        for clock, end, token in list(_running.values()):
            if _shown(clock) > end:
                token.cancel()


def _shown(clock: int) -> float:
    try:
        return time.clock_gettime(clock)
    except OSError:
        return 0  # of a thread that has ended in this moment
