"""Durations as people write them: `90s`, `10m`, `2h`, `1d`."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

_FORM: Final = re.compile(r"(\d+)\s*([smhd])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def duration_of(text: str) -> timedelta | None:
    """Read one; None where it is none."""
    match = _FORM.fullmatch(text)
    return timedelta(**{_UNITS[match[2]]: int(match[1])}) if match else None
