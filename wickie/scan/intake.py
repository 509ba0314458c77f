"""Reads what the cache does not know, and keeps account of what became of each artifact."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from itertools import chain
from typing import TYPE_CHECKING, Final

from wickie.errors import SourceError
from wickie.model import Finding, Gap, Verdict
from wickie.scan.chunk import SIZE, Artifact, Chunk, Match, Source
from wickie.scan.repetition import Unrepeated

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from wickie.scan.cache import Cache

_FETCHES: Final = 8
"""Small artifacts read together: AWS takes tens of milliseconds to answer for each."""
_LARGE: Final = 4 * SIZE
"""Bytes of one of them that are held."""
_MOST: Final = 10_000
"""Findings of one artifact, by rules: whoever has read so many knows what to do about it."""
_FULL: Final = f"it holds {_MOST} findings; after these, only managed secrets were looked for"


@dataclass(eq=False)
class _Visit:
    """One artifact on its way through the scan."""

    artifact: Artifact
    waiting: int = 1
    """Chunks that no detector has looked at yet, and one until the last of them has been read."""
    findings: dict[str, Finding] = field(default_factory=dict)
    whole: bool = True
    """Whether nothing of it was a gap."""
    full: bool = False
    """Whether more was found than is told."""
    given_up: dict[str, int] = field(default_factory=dict)
    """The number of the batch in which a detector gave up a text, by its URI."""

    def takes(self, uri: str, number: int) -> bool:
        """Whether what rules find in a text is told, if it is in the batch with this number."""
        return not self.full and number <= self.given_up.get(uri, number)


@dataclass
class Batch:
    """Chunks to be looked at together, and whose they are."""

    number: int = 0
    chunks: list[Chunk] = field(default_factory=list)
    visits: list[_Visit] = field(default_factory=list)
    size: int = 0

    def add(self, chunk: Chunk, visit: _Visit) -> None:
        """Take one chunk more."""
        visit.waiting += 1
        self.chunks.append(chunk)
        self.visits.append(visit)
        self.size += len(chunk.data)

    def spare(self) -> None:
        """Mark what rules need not look at, because nothing of it would be told."""
        for index, (chunk, visit) in enumerate(zip(self.chunks, self.visits, strict=True)):
            if not visit.takes(chunk.uri, self.number):
                self.chunks[index] = replace(chunk, spared=True)

    def give_up(self, gaps: Iterable[Gap]) -> None:
        """Take down at once what was too much for a detector: other batches are about to begin."""
        uris = {gap.uri for gap in gaps}
        for chunk, visit in zip(self.chunks, self.visits, strict=True) if uris else ():
            if chunk.uri in uris:
                visit.given_up[chunk.uri] = min(
                    self.number, visit.given_up.get(chunk.uri, self.number)
                )


@dataclass
class Intake:
    """What has been read, found and missed so far; the first sight of a finding counts."""

    cache: Cache
    sources: int = 0
    artifacts: int = 0
    unchanged: int = 0
    """How many of them the cache knew."""
    size: int = 0
    findings: dict[str, Finding] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)

    def batches(self, sources: Iterable[Source]) -> Iterator[Batch]:
        """Read `sources` one after the other, in batches large enough to be worth a call."""
        batch = Batch()
        for chunk, visit in self._chunks(sources):
            batch.add(chunk, visit)
            if batch.size >= SIZE:
                yield batch
                batch = Batch(batch.number + 1)
        if batch.chunks:
            yield batch

    def settle(self, batch: Batch, examined: Iterable[Match | Gap]) -> None:
        """Take down what detectors say of a batch."""
        visits = {id(c): visit for c, visit in zip(batch.chunks, batch.visits, strict=True)}
        for each in examined:
            if isinstance(each, Match):
                self._take_down(each, visits[id(each.chunk)], batch.number)
            elif any(
                chunk.uri == each.uri and visit.takes(each.uri, batch.number)
                for chunk, visit in zip(batch.chunks, batch.visits, strict=True)
            ):
                self._miss(each, batch)
        for visit in batch.visits:
            self._seen_a_part(visit)

    def _take_down(self, match: Match, visit: _Visit, number: int) -> None:
        finding = match.finding
        if finding.managed or visit.takes(match.chunk.uri, number):
            _take_down(visit.findings, finding)
            _take_down(self.findings, finding)
        if len(visit.findings) >= _MOST and not visit.full:
            visit.full, visit.whole = True, False
            self.gaps.append(Gap(visit.artifact.uri, _FULL))

    def _miss(self, gap: Gap, batch: Batch) -> None:
        self.gaps.append(gap)
        for chunk, visit in zip(batch.chunks, batch.visits, strict=True):
            visit.whole &= chunk.uri != gap.uri

    def _chunks(self, sources: Iterable[Source]) -> Iterator[tuple[Chunk, _Visit]]:
        with ThreadPoolExecutor(_FETCHES, thread_name_prefix="fetch") as pool:
            for source in sources:
                self.sources += 1
                try:
                    for artifact, parts in _fetched(self._unknown(source), pool):
                        yield from self._read(artifact, parts)
                except SourceError as error:
                    self.gaps.append(Gap(source.uri, str(error)))

    def _unknown(self, source: Source) -> Iterator[Artifact]:
        for artifact in source.artifacts():
            if isinstance(artifact, Gap):
                self.gaps.append(artifact)
            elif not self._known(artifact):
                yield artifact

    def _known(self, artifact: Artifact) -> bool:
        known = self.cache.recall(artifact) if artifact.version else None
        if known is None:
            return False
        self.artifacts += 1
        self.unchanged += 1
        for finding in known:
            self.findings.setdefault(finding.id, finding)
        return True

    def _read(
        self, artifact: Artifact, parts: Iterable[Chunk | Gap]
    ) -> Iterator[tuple[Chunk, _Visit]]:
        if isinstance(parts, list) and not artifact.version:
            artifact = replace(artifact, version=_digest(parts))
            if self._known(artifact):
                return
        visit, uri, unrepeated = _Visit(artifact), "", Unrepeated()
        for part in parts:
            if isinstance(part, Gap):
                self.gaps.append(part)
                visit.whole = False
                continue
            self.size += part.size
            if part.uri != uri:
                self.artifacts += 1
                uri = part.uri
            if part.data:
                yield from ((piece, visit) for piece in unrepeated.of(part))
        self._seen_a_part(visit)

    def _seen_a_part(self, visit: _Visit) -> None:
        visit.waiting -= 1
        if not visit.waiting and visit.whole and visit.artifact.version:
            self.cache.learn(visit.artifact, tuple(visit.findings.values()))


def _take_down(findings: dict[str, Finding], finding: Finding) -> None:
    """The first sight counts, unless only a later one had what it took to get a verdict."""
    known = findings.setdefault(finding.id, finding)
    if known.verdict is Verdict.UNKNOWN is not finding.verdict:
        findings[finding.id] = replace(known, verdict=finding.verdict)


def _fetched(
    artifacts: Iterable[Artifact], pool: ThreadPoolExecutor
) -> Iterator[tuple[Artifact, Iterable[Chunk | Gap]]]:
    """Read several of those at a time that are worth it, and these whole."""
    ahead: deque[tuple[Artifact, Future[Iterable[Chunk | Gap]]]] = deque()
    for artifact in artifacts:
        if artifact.ahead:
            ahead.append((artifact, pool.submit(_all, artifact)))
        else:
            # What has no version is known by its text, so by all of it.
            yield artifact, artifact.read() if artifact.version else _all(artifact)
        if len(ahead) > _FETCHES:
            first, future = ahead.popleft()
            yield first, future.result()
    for first, future in ahead:
        yield first, future.result()


def _all(artifact: Artifact) -> Iterable[Chunk | Gap]:
    """All of it; what turns out to be large, as a bomb does, only from there on as it comes."""
    parts: list[Chunk | Gap] = []
    size, rest = 0, artifact.read()
    for part in rest:
        parts.append(part)
        size += len(part.data) if isinstance(part, Chunk) else 0
        if size > _LARGE:
            return chain(parts, rest)
    return parts


def _digest(parts: Sequence[Chunk | Gap]) -> str:
    """Tell the content of an artifact; one that has gaps is never known, so they do not count."""
    content = blake2b(digest_size=16)
    for part in parts:
        if isinstance(part, Chunk):
            named = f"{part.uri}\0{part.part}\0{len(part.data)}\0".encode(errors="replace")
            content.update(len(named).to_bytes(8, "little") + named + part.data)
    return content.hexdigest()
