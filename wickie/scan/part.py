"""
What one task of a run saw and did, on its way to the one that reports it.

It goes by the results bucket: neither parameters nor results of Prefect are a place for findings.
They carry no plaintext, and are sealed, because who could write them could hide a leak.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from pydantic import TypeAdapter

from wickie.errors import NotFoundError
from wickie.model import RotationOutcome, RotationState, ScanResult
from wickie.scan import cache
from wickie.scan.merge import merged

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mypy_boto3_s3 import S3Client

    from wickie.scan.shard import Shard

PREFIX: Final = f"{cache.PREFIX}shards/"
"""Of the keys in the results bucket; the permissions of the cache are on it."""

_SEAL_SIZE: Final = 32
_HELD_BACK: Final = RotationState.DEBOUNCED


@dataclass(frozen=True)
class Part:
    """What was seen, and what was done about it at once."""

    scan: ScanResult
    rotations: tuple[RotationOutcome, ...] = ()


_TYPE: Final = TypeAdapter(Part)


def joined(parts: Iterable[Part]) -> Part:
    """Make one of at least one part."""
    known = list(parts)
    rotations = dict.fromkeys(rotation for part in known for rotation in part.rotations)
    return Part(merged(part.scan for part in known), _answered(tuple(rotations)))


def _answered(rotations: tuple[RotationOutcome, ...]) -> tuple[RotationOutcome, ...]:
    """Leave out that a task held back where another acted on the same version."""
    acted = {(r.secret, r.from_version) for r in rotations if r.state is not _HELD_BACK}
    return tuple(
        r for r in rotations if r.state is not _HELD_BACK or (r.secret, r.from_version) not in acted
    )


def save(s3: S3Client, bucket: str, shard: Shard, part: Part, key: bytes) -> None:
    """Store what a shard of a run came to."""
    name = _object(part.scan.run_id, shard)
    content = _TYPE.dump_json(part)
    s3.put_object(Bucket=bucket, Key=name, Body=_seal(name, content, key) + content)


def load(s3: S3Client, bucket: str, run: str, shard: Shard, key: bytes) -> Part:
    """Read what `save` stored. Raises `NotFoundError` for what was not written with this key."""
    name = _object(run, shard)
    stored = s3.get_object(Bucket=bucket, Key=name)["Body"].read()
    seal, content = stored[:_SEAL_SIZE], stored[_SEAL_SIZE:]
    if not hmac.compare_digest(seal, _seal(name, content, key)):
        raise NotFoundError(f"s3://{bucket}/{name} was written by somebody else; see who may")
    return _TYPE.validate_json(content)


def _object(run: str, shard: Shard) -> str:
    return f"{PREFIX}{run}/{shard.index}-of-{shard.of}"


def _seal(name: str, content: bytes, key: bytes) -> bytes:
    """One that fits no other shard, run or kind of object."""
    seal = blake2b(name.encode(), key=key, person=b"wickie part", digest_size=_SEAL_SIZE)
    seal.update(content)
    return seal.digest()
