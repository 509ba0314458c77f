"""Which part of the past a source of events looks at."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

LATE: Final = timedelta(hours=1)
"""How long what has happened may take to be told of: windows overlap by it."""


def since(hours: int) -> datetime:
    """When a window of that many hours begins."""
    return datetime.now(UTC) - timedelta(hours=hours) - LATE
