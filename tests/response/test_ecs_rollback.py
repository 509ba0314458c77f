"""When an ECS service goes back, where to, and what is done when it does not come up there."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.response.paper import FAMILY, Ecs, digest, image, rollback
from wickie.errors import NotFoundError, ResponseError
from wickie.response.action import Outcome, OutcomeState, Plan
from wickie.response.ecs_rollback import EcsRollback
from wickie.response.runner import carry_out, planned

A, B, C = image("a"), image("b"), image("c")


def plan_of(ecs: Ecs, *bad: str) -> Plan:
    plan = rollback(ecs, *bad).plan()
    assert plan
    return plan


def target(ecs: Ecs, *bad: str) -> int:
    return int(plan_of(ecs, *bad).after["task definition"].rpartition(":")[2])


def test_the_plan_says_exactly_what_would_change_and_changes_nothing() -> None:
    ecs = Ecs([[A], [B]])
    plan = plan_of(ecs, "b")
    assert plan.summary == f"ECS service main/shop: from shop:2 ({B}) to shop:1 ({A})"
    assert plan.reason == "b is bad"
    assert (plan.before["task definition"], plan.after["task definition"]) == (
        f"{FAMILY}2",
        f"{FAMILY}1",
    )
    assert not ecs.deployed


@pytest.mark.parametrize(
    ("revisions", "bad", "to"),
    [
        ([[A], [B], [B]], "b", 1),
        ([[A], [B], [C]], "cb", 1),
        ([[A], [B], [C]], "c", 2),
        ([[A, image("d", "proxy")], [B, image("d", "proxy")]], "b", 1),
        ([[A, image("d", "proxy")], [A, image("e", "proxy")]], "e", 1),
    ],
    ids=["same image", "also bad", "the newest", "sidecar stays", "sidecar is bad"],
)
def test_it_goes_to_the_newest_earlier_revision_without_a_bad_image(
    revisions: list[list[str]], bad: str, to: int
) -> None:
    assert target(Ecs(revisions), *bad) == to


def test_an_image_that_goes_by_a_tag_is_known_by_what_its_tasks_run() -> None:
    ecs = Ecs([["shop:1"], ["shop:2"], ["shop:2"]], running={"shop:2": digest("b")})
    assert target(ecs, "b") == 1
    assert rollback(ecs, "c").plan() is None


def test_what_is_not_bad_or_has_been_there_for_long_stays() -> None:
    assert rollback(Ecs([[A], [B]]), "a").plan() is None
    old = Ecs([[A], [B]], age=timedelta(days=8))
    assert rollback(old, "b").plan() is None
    assert rollback(old, "b", younger_than=timedelta(days=9)).plan()


@pytest.mark.parametrize("revisions", [[[A]], [[A], [A]], [["shop:1"], ["shop:1"]]])
def test_where_there_is_nothing_to_go_back_to_a_person_is_told(revisions: list[list[str]]) -> None:
    ecs = Ecs(revisions, running={"shop:1": digest("a")})
    outcome = planned(rollback(ecs, "a"))
    assert isinstance(outcome, Outcome)
    assert outcome.state is OutcomeState.NOT_POSSIBLE
    assert "a is bad; none of its earlier task definitions is without it" in outcome.detail


def test_what_another_controller_deploys_is_left_to_it() -> None:
    with pytest.raises(ResponseError, match="CODE_DEPLOY deploys it: roll back there"):
        rollback(Ecs([[A], [B]], controller="CODE_DEPLOY"), "b").plan()


def test_a_service_that_does_not_exist_is_told_by_name() -> None:
    ecs = Ecs([[A]])
    with pytest.raises(NotFoundError, match=r"main/shoop does not exist; .* wickie.yaml"):
        EcsRollback(ecs, "main", "shoop").plan()  # type: ignore[arg-type]  # on paper


def test_a_rollback_ends_with_the_tasks_of_the_old_definition_alone() -> None:
    ecs = Ecs([[A], [B]])
    action, plan = rollback(ecs, "b"), plan_of(ecs, "b")
    outcome = carry_out(action, plan)
    assert (outcome.state, ecs.current) == (OutcomeState.DONE, 1)
    assert outcome.detail.endswith("1 tasks run shop:1")
    carry_out(action, plan)
    assert ecs.deployed == [1]


@pytest.mark.parametrize("breaker", [True, False], ids=["its breaker goes back", "no breaker"])
def test_a_rollback_that_does_not_come_up_is_undone_and_told(breaker: bool) -> None:
    ecs = Ecs([[A], [B]], failing=frozenset({1}), breaker=breaker)
    outcome = carry_out(rollback(ecs, "b"), plan_of(ecs, "b"))
    assert (outcome.state, ecs.current) == (OutcomeState.UNDONE, 2)
    assert outcome.detail.startswith("3 tasks of shop:1 failed.")
    assert outcome.detail.endswith("it stands as before: 1 tasks run shop:2")
    assert ecs.deployed == ([1] if breaker else [1, 2])


def test_a_service_that_was_deployed_meanwhile_is_left_alone() -> None:
    ecs = Ecs([[A], [B], [C]])
    stale = plan_of(Ecs([[A], [B]]), "b")
    outcome = carry_out(rollback(ecs, "b"), stale)
    assert outcome.state is OutcomeState.NOT_POSSIBLE
    assert "has shop:3 since, and not shop:2; plan again" in outcome.detail
    assert not ecs.deployed


def test_a_plan_that_somebody_made_up_reaches_no_further_than_the_services_own_family() -> None:
    ecs = Ecs([[A], [B]])
    plan = plan_of(ecs, "b")
    after = {"task definition": plan.after["task definition"].replace("/shop:", "/admin:")}
    outcome = carry_out(rollback(ecs, "b"), replace(plan, after=after))
    assert outcome.state is OutcomeState.NOT_POSSIBLE
    assert "admin:1 is of another family" in outcome.detail
    assert not ecs.deployed
