"""What makes a finding the same finding tomorrow, and a value the same value elsewhere."""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

_FILES: Final = frozenset({"directory", "git"})
"""A work tree and its history are one place, and a checkout may lie anywhere."""


def finding_id(key: bytes, rule: str, value: bytes, artifact: str) -> str:
    """
    Name what was found by rule, value and artifact: moving it to another line changes nothing.

    Keyed, because a bare hash of a weak password can be guessed offline.
    """
    return _digest(key, b"wickie finding", 16, rule.encode(), value, artifact.encode())


def value_key(key: bytes, value: bytes, source: str, artifact: str) -> str:
    """
    Name a value within a territory, so that what is decided of it survives a move of its file.

    Keyed as `finding_id` is. Whoever has reports of two territories cannot tell from it that they
    hold the same value.
    """
    return _digest(key, b"wickie value", 8, value, territory(source, artifact).encode())


def key_name(key: bytes) -> str:
    """Tell keys apart by what does not give them away."""
    return _digest(key, b"wickie key", 8)


def territory(source: str, artifact: str) -> str:
    """
    Tell within which bounds an artifact may move and still be in the same place.

    A bucket; a registry; the account and region of what has an ARN. Files are all in one.
    """
    if source in _FILES:
        return "files"
    if artifact.startswith("arn:"):
        return f"{source} {':'.join(artifact.split(':')[:5])}"
    parts = 3 if "://" in artifact else 1
    return f"{source} {'/'.join(artifact.split('/')[:parts])}"


def _digest(key: bytes, person: bytes, size: int, *parts: bytes) -> str:
    identity = blake2b(key=key, person=person, digest_size=size)
    for part in parts:
        identity.update(len(part).to_bytes(8, "little") + part)
    return identity.hexdigest()
