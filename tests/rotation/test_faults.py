"""
Every rotator of every arena through every fault, with Secrets Manager's retry after each.

Dying is tried before every call, which is dying after the one that precedes it: what was in
memory is lost either way. Other faults strike here and there; `make bench` tries them everywhere.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest

from bench.faults.arenas import ARENAS, Unavailable, open_arena, rotators
from bench.faults.aws import Aws, open_aws
from bench.faults.rotator import Rotator, wickie
from bench.faults.run import every, names, try_out

pytestmark = pytest.mark.slow

EVERYWHERE = [name for name in names(everywhere=True) if name != "kill-before"]


@pytest.fixture(scope="module")
def aws() -> Iterator[Aws]:
    with open_aws() as aws:
        yield aws


@pytest.fixture(scope="module", params=rotators(), ids=" ".join)
def rotator(request: pytest.FixtureRequest, aws: Aws) -> Iterator[Rotator]:
    name, strategy = request.param
    with ExitStack() as stack:
        try:
            arena = stack.enter_context(open_arena(name))
        except Unavailable as lacking:
            pytest.skip(str(lacking))
        yield wickie(aws, arena, ARENAS[name].engine, strategy)


@pytest.mark.timeout(600)  # sixty rotations, each of a dozen sign-ins, on a machine that is busy
def test_killed_before_any_call_the_retry_ends_well(rotator: Rotator) -> None:
    tally = try_out(rotator, "kill-before")
    assert not tally.broken
    assert tally.tried > 20


@pytest.mark.parametrize("fault", EVERYWHERE)
def test_whatever_happens_at_a_call_the_retry_ends_well(rotator: Rotator, fault: str) -> None:
    # Not every fault at the same calls.
    assert not try_out(rotator, fault, every(19, zlib.crc32(fault.encode()))).broken


@pytest.mark.parametrize("fault", names(everywhere=False))
def test_whatever_befalls_a_rotation_it_ends_well(rotator: Rotator, fault: str) -> None:
    assert not try_out(rotator, fault).broken


def test_a_second_rotation_survives_as_the_first_does(rotator: Rotator) -> None:
    assert not try_out(replace(rotator, second=True), "kill-after", every(13)).broken
