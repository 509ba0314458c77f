"""A share of what is scanned, for one of several tasks where there is too much for one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from wickie.errors import SourceError
from wickie.model import Gap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wickie.scan.cache import Cache
    from wickie.scan.chunk import Artifact, Source


@dataclass(frozen=True)
class Shard:
    """
    Every artifact is in exactly one of `of` shards, the same every night.

    All versions of an artifact are in one shard, so which of them a finding is told of first does
    not depend on how many shards there are.
    """

    index: int = 0
    of: int = 1

    def holds(self, artifact: Artifact) -> bool:
        """Whether it is to be read by the task that has this shard."""
        named = f"{artifact.source} {artifact.id}".encode(errors="replace")
        digest = blake2b(named, person=b"wickie shard", digest_size=8).digest()
        return int.from_bytes(digest) % self.of == self.index

    def part(self, source: Source) -> Source:
        """What of a source is in this shard. All of it is listed, and its gaps are in every one."""
        return source if self.of == 1 else _Part(source, self)

    def name(self, name: str) -> str:
        """The name of this shard of something that has one."""
        return name if self.of == 1 else f"{name} {self.index}/{self.of}"


WHOLE: Final = Shard()


@dataclass(frozen=True)
class _Part:
    """A source of which only one shard is read."""

    source: Source
    shard: Shard

    @property
    def uri(self) -> str:
        return self.source.uri

    @property
    def kind(self) -> str:
        return self.source.kind

    def artifacts(self) -> Iterator[Artifact | Gap]:
        for artifact in self.source.artifacts():
            if isinstance(artifact, Gap) or self.shard.holds(artifact):
                yield artifact


def shards(total: int, budget: float | None, most: int) -> tuple[Shard, ...]:
    """Divide `total` bytes so that none has more than `budget`, as far as `most` shards allow."""
    count = min(most, math.ceil(total / budget)) if budget else 1
    return tuple(Shard(index, count) for index in range(count)) if count > 1 else (WHOLE,)


def unread(source: Source, cache: Cache) -> int:
    """
    Bytes of a source that have to be read: what the cache knows need not be.

    What a listing tells no size of counts nothing. A source that cannot be listed counts as far as
    it could; why not is for the scan to tell.
    """
    total = 0
    try:
        for artifact in source.artifacts():
            if not isinstance(artifact, Gap) and artifact.size and cache.recall(artifact) is None:
                total += artifact.size
    except SourceError:
        pass
    return total
