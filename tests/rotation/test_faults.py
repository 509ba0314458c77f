"""
Every rotator of every arena through every fault, with Secrets Manager's retry after each.

Dying is tried before calls, which is dying after the one that precedes it: what was in memory is
lost either way. In an arena that is quick it is tried before many. Other faults strike at a call
each, another one for each rotator; `python -m bench bench.crashes` tries them at more, and what
shares its code with another here (`in_tests` is 0).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace

import pytest

from bench.faults.arenas import ARENAS, Unavailable, open_arena, rotators
from bench.faults.aws import Aws, open_aws
from bench.faults.fuse import Call
from bench.faults.rotator import Rotator, wickie
from bench.faults.run import applicable, calls, every, names, try_out
from wickie.providers.registry import ENGINES, find_engine

pytestmark = pytest.mark.slow

EVERYWHERE = [name for name in names(everywhere=True) if name != "kill-before"]


@dataclass(frozen=True)
class Tried:
    """A rotator, the calls that it makes undisturbed, and how often it is to die."""

    rotator: Rotator
    made: list[Call]
    stride: int
    name: str

    def one_for(self, fault: str) -> list[int]:
        """The number of the call at which a fault is to strike, if there is one for it."""
        fit = [call.number for call in applicable(self.rotator, fault, self.made)]
        first = zlib.crc32(f"{self.name} {fault}".encode()) % len(fit) if fit else 0
        return fit[first:][:1]


@pytest.fixture(scope="module")
def aws() -> Iterator[Aws]:
    with open_aws() as aws:
        yield aws


@pytest.fixture(scope="module", params=rotators(), ids=" ".join)
def tried(request: pytest.FixtureRequest, aws: Aws) -> Iterator[Tried]:
    name, strategy = request.param
    with ExitStack() as stack:
        try:
            arena = stack.enter_context(open_arena(name))
        except Unavailable as lacking:
            pytest.skip(str(lacking))
        rotator = wickie(aws, arena, ARENAS[name].engine, strategy)
        yield Tried(rotator, calls(rotator), ARENAS[name].in_tests, f"{name} {strategy}")


def test_every_engine_has_an_arena() -> None:
    arenas = [find_engine(entry.engine) for entry in ARENAS.values()]
    assert [name for name, engine in ENGINES.items() if engine not in arenas] == []


def test_killed_before_calls_the_retry_ends_well(tried: Tried) -> None:
    where = every(tried.stride, zlib.crc32(tried.name.encode()))
    tally = try_out(tried.rotator, "kill-before", where, tried.made)
    assert not tally.broken
    assert tally.tried > 20 / tried.stride


@pytest.mark.parametrize("fault", EVERYWHERE)
def test_whatever_happens_at_a_call_the_retry_ends_well(tried: Tried, fault: str) -> None:
    points = tried.one_for(fault)
    tally = try_out(tried.rotator, fault, lambda call: call.number in points, tried.made)
    assert not tally.broken
    assert tally.tried == len(points)
    assert points or fault == "master-rotates"


@pytest.mark.parametrize("fault", names(everywhere=False))
def test_whatever_befalls_a_rotation_it_ends_well(tried: Tried, fault: str) -> None:
    assert not try_out(tried.rotator, fault).broken


def test_a_second_rotation_survives_as_the_first_does(tried: Tried) -> None:
    rotator = replace(tried.rotator, second=True)
    second = replace(tried, rotator=rotator, made=calls(rotator))
    points = second.one_for("kill-after")
    tally = try_out(rotator, "kill-after", lambda call: call.number in points, second.made)
    assert not tally.broken
    assert tally.tried
