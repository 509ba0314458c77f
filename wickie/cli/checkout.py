"""What only a checkout has: the local AWS and the demo are not in the installed package."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any, NoReturn

from wickie.errors import ConfigError


def imported(module: str) -> Any:
    """Import a module of the checkout. Raises `ConfigError` where there is none."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"no module {error.name}: the local AWS and the demo run from a checkout of wickie; "
            f"clone it and run make demo"
        ) from None


def become(module: str, *arguments: str) -> NoReturn:
    """Hand this process over to `python -m module`, signals and all."""
    imported(module)
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", module, *arguments])  # noqa: S606  (no shell)
