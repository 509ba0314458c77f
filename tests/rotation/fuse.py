"""For engines without an arena of the crash harness: death at a boundary that a test sets."""

from __future__ import annotations

import threading

from bench.faults.fuse import Died

__all__ = ["Died", "Fuse"]


class Fuse:
    """Counts the boundaries of the thread that made it, and kills at the one it is set to."""

    def __init__(self, at: int | None = None) -> None:
        self.at, self.passed, self.thread = at, 0, threading.get_ident()

    def boundary(self, **_: object) -> None:
        if threading.get_ident() != self.thread:
            return
        if self.passed == self.at:
            self.at = None
            raise Died
        self.passed += 1
