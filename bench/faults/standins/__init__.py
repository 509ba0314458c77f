"""
The systems that cannot run here, as far as a rotation sees them, for tests and the harness alike.

Most are asked over sockets or through botocore, where `boundaries` finds every call by itself.
One that stands in for a driver has no such thing: a `Line` is its connection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bench.faults.boundaries import fuse_here
from bench.faults.fuse import Call

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable


class Line:
    """A connection at a driver's API: each call is one to the outside, and once cut it stays so."""

    def __init__(
        self, lock: threading.RLock, lost: Callable[[], Exception], late: Callable[[], Exception]
    ) -> None:
        self._lock, self._lost, self._late = lock, lost, late
        self._cut = False

    def call(self, name: str, act: Callable[[], Any]) -> Any:
        """Make a call, which the stand-in serves one at a time."""
        if self._cut:
            raise self._lost()
        by = fuse_here()
        return by.through(self._made(name), lambda: self._alone(act)) if by else self._alone(act)

    def _made(self, name: str) -> Callable[[int], Call]:
        return lambda number: Call(number, name, False, self._cut_off, self._late)

    def _cut_off(self) -> Exception:
        self._cut = True
        return self._lost()

    def _alone(self, act: Callable[[], Any]) -> Any:
        with self._lock:
            return act()
