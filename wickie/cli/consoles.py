"""Where a command writes: results to stdout, everything said about them to stderr."""

from __future__ import annotations

import sys
from typing import Final

from rich.console import Console

_PIPED_WIDTH: Final = 200
"""Wide enough that a location stays on one line, for whoever greps."""


def results() -> Console:
    """For what was asked for."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else _PIPED_WIDTH)


def progress() -> Console:
    """For what happens meanwhile."""
    return Console(highlight=False, stderr=True)
