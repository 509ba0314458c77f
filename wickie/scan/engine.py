"""Joins sources and detectors: reads everything once, and looks at it with two threads."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from wickie.errors import NothingScannedError
from wickie.model import Gap, ScanResult
from wickie.scan.cache import NO_CACHE, Cache
from wickie.scan.intake import Batch, Intake
from wickie.scan.overlap import settled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from wickie.scan.chunk import Detector, Match, Source
    from wickie.scan.verification import Verification

# Kingfisher and numpy let go of the interpreter's lock. More threads would only wait for it.
_THREADS: Final = 2
_AHEAD: Final = 2 * _THREADS
"""Batches of at most 2 MiB that are read before the first of them is done with."""
_NAMED_GAPS: Final = 3


def scan(
    sources: Iterable[Source],
    detectors: Sequence[Detector],
    *,
    run_id: str,
    cache: Cache = NO_CACHE,
    verification: Verification | None = None,
    watch: Callable[[int, int], None] = lambda _artifacts, _size: None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> ScanResult:
    """
    Read every source once and report what any detector finds, each finding once per artifact.

    What `cache` knows is not looked at again. With `verification`, issuers are asked about what is
    found, before the text it was found in is let go. What cannot be read is a gap in the result. A
    detector that fails ends the scan: silence would look like a clean result. `watch` is told now
    and then how many artifacts and bytes have been read.

    Raises:
        NothingScannedError: there was no source, or none that could be read.
    """
    intake, started = Intake(cache), now()
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="scan") as pool:
        ahead: deque[tuple[Batch, Future[list[Match | Gap]]]] = deque()
        for batch in intake.batches(sources):
            watch(intake.artifacts, intake.size)
            ahead.append((batch, pool.submit(_examine, batch, detectors, verification)))
            if len(ahead) > _AHEAD:
                first, examined = ahead.popleft()
                intake.settle(first, examined.result())
        for batch, examined in ahead:
            intake.settle(batch, examined.result())
    gaps = tuple(dict.fromkeys(intake.gaps))
    if not intake.sources or (gaps and not intake.artifacts):
        raise NothingScannedError(_nothing(gaps), gaps)
    return ScanResult(
        run_id=run_id,
        started=started,
        finished=now(),
        bytes_scanned=intake.size,
        artifacts=intake.artifacts,
        unchanged=intake.unchanged,
        findings=tuple(intake.findings.values()),
        gaps=gaps,
    )


def _examine(
    batch: Batch, detectors: Sequence[Detector], verification: Verification | None
) -> list[Match | Gap]:
    """Let every detector look, and leave of what they say in the same place what counts."""
    batch.spare()
    seen = settled([each for detector in detectors for each in detector.detect(batch.chunks)])
    batch.give_up(each for each in seen if isinstance(each, Gap))
    return verification.judged(seen) if verification else seen


def _nothing(gaps: Sequence[Gap]) -> str:
    if not gaps:
        return "there was nothing to scan; name a target"
    named = "; ".join(f"{gap.uri}: {gap.reason}" for gap in gaps[:_NAMED_GAPS])
    others = f" and {len(gaps) - _NAMED_GAPS} more" if len(gaps) > _NAMED_GAPS else ""
    return f"nothing could be scanned: {named}{others}"
