"""What makes a finding the same finding tomorrow."""

from __future__ import annotations

from hashlib import blake2b


def finding_id(key: bytes, rule: str, value: bytes, artifact: str) -> str:
    """
    Name what was found by rule, value and artifact: moving it to another line changes nothing.

    Keyed, because a bare hash of a weak password can be guessed offline.
    """
    identity = blake2b(key=key, person=b"wickie finding", digest_size=16)
    for part in (rule.encode(), value, artifact.encode()):
        identity.update(len(part).to_bytes(8, "little") + part)
    return identity.hexdigest()
