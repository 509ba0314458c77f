"""Reads targets, each in a task, and contains what leaked while others are still being read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Final, Self

from prefect.client.orchestration import get_client
from prefect.concurrency.sync import concurrency
from prefect.futures import PrefectFuture, as_completed

from flows.containment import Containment
from flows.progress import Progress
from flows.runner import step, told_safely
from wickie.aws import Clients
from wickie.config import Config
from wickie.deployment import Deployment
from wickie.errors import ConfigError, Error, NothingScannedError
from wickie.model import Gap, ScanResult
from wickie.registration.manifest import limit_name
from wickie.scan import cache, engine
from wickie.scan.cache import ScanCache
from wickie.scan.eyes import Eyes
from wickie.scan.merge import merged
from wickie.scan.part import Part
from wickie.scan.places import Opening
from wickie.scan.shard import WHOLE, Shard, unread
from wickie.scan.sources import SOURCES, apis

TARGETS_AT_ONCE: Final = 4

Watch = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Scanner:
    """What every target of one run is scanned with."""

    clients: Clients
    config: Config
    deployed: Deployment
    run_id: str
    eyes: Eyes
    shard: Shard = WHOLE

    @classmethod
    def open(
        cls,
        clients: Clients,
        config: Config,
        deployed: Deployment,
        run_id: str,
        shard: Shard = WHOLE,
    ) -> Self:
        """With the fingerprints as they are now."""
        eyes = Eyes.of(clients, deployed, config.scan.verification)
        return cls(clients, config, deployed, run_id, eyes, shard)

    def scan(self, opening: Opening, watch: Watch) -> ScanResult:
        """Scan one target; look only at what has changed since its last scan."""
        s3, bucket = self.clients.s3, self.deployed.results_bucket
        known = self._known(opening)
        with self._in_turn(opening.kind):
            try:
                result = engine.scan(
                    [self.shard.part(opening.open())],
                    self.eyes.detectors,
                    run_id=self.run_id,
                    cache=known,
                    verification=self.eyes.verification,
                    watch=partial(watch, opening.name),
                )
            except NothingScannedError as nothing:
                return self.unread(*nothing.gaps)
        cache.save(s3, bucket, self.shard.name(opening.name), known.dump())
        return result

    def unread(self, *gaps: Gap) -> ScanResult:
        """What there is to say of something that could not be read at all."""
        now = datetime.now(UTC)
        return ScanResult(self.run_id, now, now, 0, 0, gaps=gaps)

    def estimate(self, openings: Iterable[Opening | Gap]) -> int:
        """Bytes that are to be read of those targets whose listing tells sizes."""
        sized = (o for o in openings if isinstance(o, Opening) and SOURCES[o.kind].sized)
        return sum(map(self._unread, sized))

    def _unread(self, opening: Opening) -> int:
        try:
            with told_safely(f"estimate of {opening.name}"):
                return unread(opening.open(), self._known(opening))
        except Error:
            return 0  # the scan will meet with the same, and tell it

    def keep(self, openings: Iterable[Opening | Gap], shards: Sequence[Shard]) -> None:
        """Make one cache of those of all shards, so that tomorrow there may be more or fewer."""
        s3, bucket = self.clients.s3, self.deployed.results_bucket
        for opening in openings:
            if isinstance(opening, Opening):
                together = ScanCache(self.eyes.detectors, self.eyes.key)
                for shard in shards:
                    together.take_over(cache.load(s3, bucket, shard.name(opening.name)))
                cache.save(s3, bucket, opening.name, together.dump())

    def _known(self, opening: Opening) -> ScanCache:
        stored = cache.load(self.clients.s3, self.deployed.results_bucket, opening.name)
        asking = self.eyes.verification
        stale = asking.is_stale if asking else None
        return ScanCache(self.eyes.detectors, self.eyes.key, stored, stale)

    def _in_turn(self, kind: str) -> AbstractContextManager[None]:
        limits = self.config.scan.at_once
        names = [limit_name(self.config.stage, api) for api in apis(kind) if api in limits]
        # Strict: of a limit that does not exist Prefect says nothing, and limits nothing. A lease
        # that cannot be renewed for a moment is no reason to lose an hour of reading.
        return (
            concurrency(names, strict=True, raise_on_lease_renewal_failure=False)
            if names
            else nullcontext()
        )


def set_limits(config: Config) -> None:
    """
    Make the limits of wickie.yaml in Prefect, or bring them up to date, if nobody registered them.

    Raises `ConfigError` for one of an API that nothing is read by.
    """
    known = {api for kind in SOURCES for api in apis(kind)}
    if odd := sorted(set(config.scan.at_once) - known):
        raise ConfigError(
            f"scan.at_once: nothing is read by {', '.join(odd)}; use {', '.join(sorted(known))}"
        )
    with get_client(sync_client=True) as client:
        for api, limit in config.scan.at_once.items():
            client.upsert_global_concurrency_limit_by_name(limit_name(config.stage, api), limit)


def contained(scanner: Scanner, opened: Sequence[Opening | Gap], progress: Progress) -> Part:
    """Scan the scanner's shard of every target, and answer each leak as soon as it is seen."""
    config, results = scanner.config, list[ScanResult]()
    table = scanner.deployed.findings_table
    with Containment(config, scanner.clients, table) as containment:
        for result in _scanned(opened, scanner, progress):
            if config.response.rotate_on_leak:
                containment.respond(result.findings)
            results.append(result)
            progress.done()
        responses = containment.outcomes()
    scan = replace(merged(results), notices=scanner.eyes.notices)
    return Part(scan, tuple(responses.values()))


def _scanned(
    opened: Iterable[Opening | Gap], scanner: Scanner, progress: Progress
) -> Iterator[ScanResult]:
    """Scan every target, each in a task; yield what was seen in each as soon as it is done."""
    futures: dict[PrefectFuture[ScanResult], str] = {}
    for opening in opened:
        if isinstance(opening, Gap):
            yield scanner.unread(opening)
        else:
            scan = partial(scanner.scan, opening, progress.read)
            futures[step.submit(f"scan {opening.name}", scan)] = opening.name
    for future in as_completed(list(futures)):
        name = futures[future]
        try:
            with told_safely(f"scan of {name}"):
                result = future.result()
        except Error as error:
            result = scanner.unread(Gap(name, str(error)))
        yield result
