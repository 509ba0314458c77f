"""Managed secrets for benchmarks: values as Secrets Manager draws them, and their prints."""

from __future__ import annotations

import secrets
import string
from typing import Final

from wickie.fingerprints import Fingerprint, entries
from wickie.model import Stage

KEY: Final = secrets.token_bytes(32)
_SYMBOLS: Final = string.ascii_letters + string.digits + string.punctuation


def value() -> str:
    """A password of 32 characters."""
    return "".join(secrets.choice(_SYMBOLS) for _ in range(32))


def printed(number: int, text: str) -> list[Fingerprint]:
    """The prints of one secret's current version."""
    arn = f"arn:aws:secretsmanager:eu-west-1:123456789012:secret:bench/{number}-AbCdEf"
    return [Fingerprint(arn, "v1", Stage.CURRENT, *entry) for entry in entries(text, KEY)]


def fingerprints(count: int) -> list[Fingerprint]:
    """The prints of `count` secrets whose values nobody knows."""
    return [each for number in range(count) for each in printed(number, value())]
