"""Many secrets in one run: who goes first, who takes turns, and when the run stops."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from tests.patience import BRIEF
from tests.rotation.paper import SharedService, Shelf
from wickie.model import RotationState
from wickie.rotation.dependents import Dependent
from wickie.rotation.fleet import Brake, Fleet, FleetRow, Member, Pace, units_of, waves_of
from wickie.rotation.replacement import ReplacementRequest, directly

ROTATED, FAILED = RotationState.ROTATED, RotationState.FAILED


def member(name: str, *shared: Dependent, overlaps: bool = True, master: str | None = None) -> Any:
    request = ReplacementRequest(
        name, dependents=shared, patience=BRIEF, patience_with_providers=BRIEF
    )
    return Member(request, overlaps, frozenset(d.name for d in shared), master)


def sharing(*names: str) -> list[Member]:
    """Members that share what only its name tells of."""
    return [Member(ReplacementRequest(n), overlaps=True, shared=frozenset(n)) for n in names]


def fleet(shelf: Shelf, brake: Brake | None = None) -> Fleet:
    brake = brake or Brake(100, 100, None)
    clients: Any = shelf
    return Fleet(clients, directly, brake, threading.Semaphore(1), lambda *_: None)


def names(units: Any) -> list[list[str]]:
    return sorted(sorted(m.name for m in unit) for unit in units)


def test_secrets_are_one_unit_if_they_share_something_over_however_many_others() -> None:
    assert names(units_of(sharing("ab", "cd", "bc", "xy", "z"))) == [
        ["ab", "bc", "cd"],
        ["xy"],
        ["z"],
    ]
    assert names(units_of([member("a"), member("b")])) == [["a"], ["b"]]


def test_a_service_of_two_secrets_with_overlap_is_started_anew_once_when_both_are_renewed() -> None:
    shelf, starts = Shelf("a", "b"), []
    unit = tuple(member(name, SharedService(name, starts)) for name in "ab")
    rows = fleet(shelf).carry_out(unit)
    assert [row.state for row in rows] == [ROTATED, ROTATED]
    assert starts == [{row.secret: row.to_version for row in rows}]


def test_without_overlap_its_secrets_follow_each_other_and_none_waits_for_the_next() -> None:
    shelf, starts = Shelf("a", "b"), []
    unit = tuple(member(name, SharedService(name, starts), overlaps=False) for name in "ab")
    rows = fleet(shelf).carry_out(unit)
    assert starts == [{row.secret: row.to_version} for row in rows]


def test_an_ill_shared_service_gets_all_its_old_values_back_with_one_more_start() -> None:
    shelf, starts = Shelf("a", "b"), []
    unit = tuple(member(name, SharedService(name, starts, well=False)) for name in "ab")
    rows = fleet(shelf).carry_out(unit)
    assert {row.state for row in rows} == {RotationState.ROLLED_BACK}
    assert starts[1:] == [{"a": "v1", "b": "v1"}]


def test_one_that_cannot_be_renewed_keeps_no_other_from_being_told() -> None:
    shelf, starts = Shelf("a", "b"), []
    shelf.secrets["a"].answers[("verify", "v1")] = "DEAD"
    unit = tuple(member(name, SharedService(name, starts)) for name in "ab")
    broken, rotated = fleet(shelf).carry_out(unit)
    assert (broken.state, rotated.state) == (FAILED, ROTATED)
    assert "run wickie repair a" in (broken.error or "")
    assert starts == [{"b": rotated.to_version}]


def test_canaries_come_first_then_administrators_then_all_others() -> None:
    members = [*(member(n, master="admin") for n in "abc"), member("admin")]
    waves = waves_of(units_of(members), canaries=1)
    assert [names(wave) for wave in waves] == [[["a"]], [["admin"]], [["b"], ["c"]]]
    assert len(waves_of(units_of(members[:3]), canaries=0)) == 1


@pytest.mark.parametrize(
    ("failures", "percent", "stops_at"), [(3, None, 3), (9, 5.0, 5), (2, 50.0, 2)]
)
def test_the_brake_is_pulled_at_so_many_failures_or_at_their_share(
    failures: int, percent: float | None, stops_at: int
) -> None:
    brake = Brake(100, failures, percent)
    for number in range(1, stops_at + 1):
        assert not brake.pulled
        brake.count([FleetRow("a", ROTATED), FleetRow("b", FAILED)])
        assert brake.pulled == (number == stops_at)
    assert str(stops_at) in (brake.reason or "")


def test_after_the_brake_nothing_is_begun_and_each_secret_is_told_of() -> None:
    shelf, brake = Shelf("a"), Brake(1, 1, None)
    brake.pull("enough")
    (row,) = fleet(shelf, brake).carry_out((member("a"),))
    assert row.state is RotationState.NOT_BEGUN
    assert shelf.secrets["a"].rotations == []


def test_no_more_than_the_hours_allowance_is_begun_in_any_hour() -> None:
    now = 0.0
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        nonlocal now
        pauses.append(seconds)
        now += seconds

    pace = Pace(3, clock=lambda: now)
    begun = []
    for number in (1, 2, 1, 2, 5, 1):
        pace.admit(number, sleep)
        begun.append((now, number))
        now += 60
    for start, _ in begun:
        within = [n for at, n in begun if start <= at < start + 3600]
        assert sum(within) <= 3 or within == [5], begun
    assert len(pauses) == 4
