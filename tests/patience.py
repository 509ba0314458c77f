"""Patience that no busy machine can exhaust: counted in questions."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from wickie.asking import Patience

T = TypeVar("T")


@dataclass(frozen=True)
class _Asked(Patience):
    times: int = 50

    def until(self, ask: Callable[[], T | None]) -> T | None:
        """Ask so many times, whatever the clock says."""
        for _ in range(self.times):
            if (answer := ask()) is not None:
                return answer
            time.sleep(self.first)
        return None


BRIEF: Final = _Asked(0.05, first=0.001)
"""Fifty questions, told as no seconds."""
