"""The key of the findings of scans that have no stage: one per user, made on first use."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path
from typing import Final

from wickie.cli.failures import warn
from wickie.errors import ConfigError

_BYTES: Final = 32


def finding_key() -> bytes:
    """
    Read the user's key, so that a finding keeps its id from one scan to the next.

    It is no fixed one, by which whoever reads a report could try guesses at a weak password.
    """
    path = Path.home() / ".local" / "state" / "wickie" / "finding.key"
    try:
        if not path.exists():
            _create(path)
        key = path.read_bytes()
    except OSError as error:
        warn(f"findings get other ids the next time: {path}: {error.strerror}")
        return secrets.token_bytes(_BYTES)
    if len(key) != _BYTES:
        raise ConfigError(f"{path} does not hold a key; delete it, and another is made")
    return key


def _create(path: Path) -> None:
    """Write a new key whole or not at all; where two do so at once, the first one stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secrets.token_bytes(_BYTES))
    with contextlib.suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()
