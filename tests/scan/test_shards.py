"""A scan in shards sees what a scan in one piece does, however its parts are put together."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from tests.scan.paper import KEY, Paper, chunk, drawn, github_token
from wickie.errors import NotFoundError, NothingScannedError
from wickie.model import (
    Finding,
    Gap,
    Location,
    RotationOutcome,
    RotationState,
    ScanResult,
    Severity,
    Verdict,
)
from wickie.scan import engine, part
from wickie.scan.cache import NO_CACHE, ScanCache
from wickie.scan.chunk import Artifact
from wickie.scan.merge import merged
from wickie.scan.part import Part, joined
from wickie.scan.shard import WHOLE, Shard, shards, unread

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)

few = st.integers(0, 3)
findings = st.builds(
    Finding,
    id=st.sampled_from("abc"),
    rule_id=st.just("rule"),
    title=st.just("Title"),
    severity=st.sampled_from(Severity),
    location=st.builds(Location, st.sampled_from(["one", "two"]), few | st.none()),
    source=st.just("paper"),
    verdict=st.sampled_from(Verdict),
)
moments = few.map(lambda hours: NOON + timedelta(hours=hours))
results = st.builds(
    ScanResult,
    run_id=st.just("run"),
    started=moments,
    finished=moments,
    bytes_scanned=few,
    artifacts=few,
    unchanged=few,
    findings=st.lists(findings, max_size=4).map(tuple),
    gaps=st.lists(st.builds(Gap, st.sampled_from("xy"), st.sampled_from("12")), max_size=3).map(
        tuple
    ),
)


@pytest.mark.slow
@given(results, results, results)
def test_a_merge_does_not_depend_on_how_its_parts_are_grouped(
    one: ScanResult, two: ScanResult, three: ScanResult
) -> None:
    together = merged([one, two, three])
    assert merged([merged([one, two]), three]) == together
    assert merged([one, merged([two, three])]) == together


@pytest.mark.slow
@given(st.lists(results, min_size=1, max_size=4), st.randoms())
def test_a_merge_does_not_depend_on_the_order_of_its_parts(
    parts: list[ScanResult], chance: random.Random
) -> None:
    shuffled = list(parts)
    chance.shuffle(shuffled)
    assert merged(shuffled) == merged(parts)


@pytest.mark.slow
@given(st.lists(results, min_size=1, max_size=4))
def test_a_merge_loses_no_finding_and_no_gap(parts: list[ScanResult]) -> None:
    together = merged(parts)
    assert {f.id for f in together.findings} == {f.id for p in parts for f in p.findings}
    assert set(together.gaps) == {gap for p in parts for gap in p.gaps}


@given(st.integers(1, 9), st.lists(st.text(), max_size=30, unique=True))
def test_every_artifact_is_in_exactly_one_shard(of: int, names: list[str]) -> None:
    for name in names:
        artifact = Artifact(name, name, "paper", iter)
        assert sum(Shard(index, of).holds(artifact) for index in range(of)) == 1


def test_shards_are_of_about_the_same_size() -> None:
    artifacts = [Artifact(f"log/{n}", f"log/{n}", "s3", iter) for n in range(8000)]
    sizes = [sum(Shard(index, 8).holds(a) for a in artifacts) for index in range(8)]
    assert min(sizes) > 850
    assert max(sizes) < 1150


def test_a_scan_in_shards_finds_what_a_scan_in_one_piece_does(kingfisher) -> None:
    texts = [f"{drawn(50)} token={github_token()}\n".encode() * 2 for _ in range(12)]
    old = chunk(f"token={github_token()}".encode(), "versions")  # of the artifact that follows
    source = Paper([*texts, Gap("locked", "no"), old, chunk(b"nothing", "versions")])

    def scan(shard: Shard) -> ScanResult:
        try:
            return engine.scan([shard.part(source)], [kingfisher], run_id="r", now=lambda: NOON)
        except NothingScannedError as nothing:
            return ScanResult("r", NOON, NOON, 0, 0, gaps=nothing.gaps)

    whole = merged([scan(WHOLE)])
    assert len(whole.findings) == 13
    for of in (2, 3, 7):
        assert merged(scan(Shard(index, of)) for index in range(of)) == whole


def test_a_shard_that_can_read_nothing_names_what_it_could_not(kingfisher) -> None:
    with pytest.raises(NothingScannedError) as nothing:
        engine.scan([Shard(0, 2).part(Paper([Gap("locked", "no")]))], [kingfisher], run_id="r")
    assert nothing.value.gaps == (Gap("locked", "no"),)


def test_there_are_as_many_shards_as_the_budget_asks_for_and_no_more_than_allowed() -> None:
    assert shards(100, None, 16) == (WHOLE,)
    assert shards(0, 10, 16) == (WHOLE,)
    assert shards(10, 10, 16) == (WHOLE,)
    assert shards(11, 10, 16) == (Shard(0, 2), Shard(1, 2))
    assert len(shards(1000, 10, 16)) == 16


class Sized(Paper):
    """A source whose listing tells sizes, and versions."""

    def artifacts(self):
        for name, size in (("a", 5), ("b", 7), ("unknown", 0)):
            yield Artifact(name, name, "paper", lambda: iter([chunk(b"x")]), "v1", size=size)
        yield Gap("locked", "no")


def test_what_the_cache_knows_is_not_counted_as_to_be_read(kingfisher) -> None:
    assert unread(Sized(), NO_CACHE) == 12
    cache = ScanCache([kingfisher], KEY)
    cache.learn(next(iter(Sized().artifacts())), ())
    assert unread(Sized(), ScanCache([kingfisher], KEY, cache.dump())) == 7
    assert unread(Paper(error="AccessDenied"), NO_CACHE) == 0


def test_the_caches_of_shards_are_one_cache_tomorrow(kingfisher) -> None:
    parts = [f"token={github_token()}".encode(), b"nothing", b"nothing else"]
    source = Paper(parts, version="v1")
    together = ScanCache([kingfisher], KEY)
    for shard in shards(3, 1, 16):
        cache = ScanCache([kingfisher], KEY)
        engine.scan([shard.part(source)], [kingfisher], run_id="r", cache=cache)
        together.take_over(cache.dump())
    known = ScanCache([kingfisher], KEY, together.dump())
    again = engine.scan([source], [kingfisher], run_id="r", cache=known)
    assert (again.artifacts, again.unchanged, len(again.findings)) == (3, 3, 1)


def outcome(state: RotationState, version: str = "v1") -> RotationOutcome:
    return RotationOutcome("shop/db", state, "leak", from_version=version)


def rotations(*parts: Sequence[RotationOutcome]) -> tuple[RotationOutcome, ...]:
    scan = ScanResult("r", NOON, NOON, 0, 0)
    return joined(Part(scan, tuple(each)) for each in parts).rotations


def test_what_one_shard_rotated_another_that_held_back_does_not_gainsay() -> None:
    rotated, held = outcome(RotationState.ROTATED), outcome(RotationState.DEBOUNCED)
    failed = outcome(RotationState.FAILED)
    other = outcome(RotationState.DEBOUNCED, "v2")
    assert rotations([held], [rotated]) == (rotated,)
    assert rotations([rotated], [failed]) == (rotated, failed)
    assert rotations([held], [other, held]) == (held, other)


@pytest.fixture
def s3(monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        client = boto3.client("s3", "us-east-1")
        client.create_bucket(Bucket="results")
        yield client


@given(results, st.lists(st.builds(outcome, st.sampled_from(RotationState)), max_size=2))
def test_a_part_survives_its_way(scan: ScanResult, done: list[RotationOutcome]) -> None:
    written = part._TYPE.dump_json(sent := Part(scan, tuple(done)))
    assert part._TYPE.validate_json(written) == sent


def test_a_part_is_taken_from_whoever_has_the_key_and_for_its_own_shard_alone(s3) -> None:
    sent = Part(ScanResult("run", NOON, NOON, 1, 1), (outcome(RotationState.ROTATED),))
    one, other = Shard(0, 2), Shard(1, 2)
    part.save(s3, "results", one, sent, KEY)
    assert part.load(s3, "results", "run", one, KEY) == sent
    with pytest.raises(NotFoundError, match="written by somebody else"):
        part.load(s3, "results", "run", one, KEY[::-1])
    keys = [part._object("run", shard) for shard in (one, other)]
    s3.copy_object(Bucket="results", Key=keys[1], CopySource=f"results/{keys[0]}")
    with pytest.raises(NotFoundError, match="written by somebody else"):
        part.load(s3, "results", "run", other, KEY)
