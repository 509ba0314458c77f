"""
How long Kingfisher may take over a text.

Its own `timeout` asks for the time so often that a quarter of a scan goes there. It also stops
where another thread tells it to, which costs it next to nothing.
"""

from __future__ import annotations

import functools
import threading
import time
from typing import TYPE_CHECKING, Final

from kingfisher_sdk import CancellationToken

if TYPE_CHECKING:
    from collections.abc import Callable

    from kingfisher_sdk import Finding, Scanner

_TICK: Final = 0.05
"""Seconds between two looks at what is running: how late a scan may be stopped."""
_running: Final[dict[int, tuple[float, CancellationToken]]] = {}
"""By thread, the scan it is busy with, and when that has to end."""


def limited(scanner: Scanner, seconds: float) -> Callable[[bytes], list[Finding]]:
    """Scan as `scanner` does, but raise TimeoutError where that takes much over `seconds`."""

    def scan(data: bytes) -> list[Finding]:
        token, thread = CancellationToken(), threading.get_ident()
        _running[thread] = time.monotonic() + seconds, token
        _watched()
        try:
            return scanner.scan(data, cancellation=token)
        except RuntimeError:
            if token.is_cancelled:
                raise TimeoutError from None
            raise
        finally:
            del _running[thread]

    return scan


@functools.cache
def _watched() -> None:
    """Start the thread that looks after all scans of this process."""
    threading.Thread(target=_stop_what_is_late, name="scan-limit", daemon=True).start()


def _stop_what_is_late() -> None:
    while True:
        time.sleep(_TICK)
        now = time.monotonic()
        for end, token in list(_running.values()):
            if end < now:
                token.cancel()
