"""Wait for something that no call announces: a process's end, a line in a log."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any


def until(found: Callable[[], Any], seconds: float = 120) -> Any:
    """Ask until the answer is true."""
    end = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)
    return value


def until_tested(secrets_manager: Any, secret: str) -> None:
    """Secrets Manager tests a rotation that is not to begin at once, while the caller goes on."""
    until(lambda: "AWSPENDING" not in str(secrets_manager.describe_secret(SecretId=secret)))
