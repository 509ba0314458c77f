"""
How a call to AWS fails, whichever client made it.

Rotation functions ask without botocore, whose exceptions alone take a twentieth of a second to
import. So whoever catches names these two families: ours, and botocore's where it is loaded.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


class RefusedError(Exception):
    """AWS answered with an error: botocore's `ClientError`, in form and in text."""

    def __init__(self, response: Mapping[str, Any], operation_name: str) -> None:
        error = response["Error"]
        super().__init__(
            f"An error occurred ({error.get('Code', 'Unknown')}) when calling the "
            f"{operation_name} operation: {error.get('Message', 'Unknown')}"
        )
        self.response: Any = response
        self.operation_name = operation_name


class UnansweredError(Exception):
    """No answer came that could be read. Never quotes what was sent, or what came instead."""


def refusals() -> tuple[type[RefusedError], ...]:
    """What to catch where AWS may refuse; it is evaluated only once something was raised."""
    return (RefusedError, *_of_botocore("ClientError"))


def silences() -> tuple[type[Exception], ...]:
    """What to catch where AWS may not be reached, or not be asked for want of credentials."""
    return (UnansweredError, *_of_botocore("BotoCoreError"))


def _of_botocore(name: str) -> tuple[Any, ...]:
    """Botocore's class of that name. If botocore was never imported, it raised nothing."""
    module = sys.modules.get("botocore.exceptions")
    return (getattr(module, name),) if module else ()
