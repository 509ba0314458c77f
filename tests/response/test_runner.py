"""Every action in the same order, and what a person is told of each way that it can end."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar

import pytest

from wickie.errors import ConfigError, ProviderUnavailableError, ResponseError
from wickie.model import to_jsonable
from wickie.response.action import Check, Outcome, OutcomeState, Plan
from wickie.response.runner import carry_out, planned, take_back

T = TypeVar("T")
ON, OFF = {"key": "on"}, {"key": "off"}
PLAN = Plan("key", "key: from on to off", "leaked", ON, OFF)


class Switch:
    """A key that is switched off."""

    PERMISSIONS: ClassVar[tuple[str, ...]] = ()
    name = "key"

    def __init__(self, *, works: bool = True, at: Mapping[str, str] = ON) -> None:
        self.state = dict(at)
        self.works = works
        self.changes = 0

    def plan(self) -> Plan | None:
        return PLAN if self.state == ON else None

    def execute(self, plan: Plan) -> None:
        if self.state == plan.after:
            return
        if self.state != plan.before:
            raise ResponseError("changed since")
        self.state = dict(plan.after)
        self.changes += 1

    def verify(self, plan: Plan) -> Check:
        fine = self.state == plan.after and (self.works or plan.after == ON)
        return Check(fine, "answers" if fine else "does not answer")

    def undo(self, plan: Plan) -> None:
        self.execute(plan.back)


def steps(outcome: Outcome) -> list[str]:
    return [entry.step for entry in outcome.timeline]


def test_what_was_planned_is_done_and_seen_to_be_well() -> None:
    switch = Switch()
    assert planned(switch) == PLAN
    outcome = carry_out(switch, PLAN)
    assert (outcome.state, outcome.amiss) == (OutcomeState.DONE, False)
    assert outcome.detail == "key: from on to off: answers"
    assert steps(outcome) == ["execute", "verify"]
    assert carry_out(switch, PLAN).state is OutcomeState.DONE
    assert switch.changes == 1, "what is done already is not done again"


def test_a_dry_run_says_what_would_be_done_and_does_nothing() -> None:
    switch = Switch()
    outcome = carry_out(switch, PLAN, dry_run=True)
    assert (outcome.state, outcome.detail) == (OutcomeState.PLANNED, PLAN.summary)
    assert (switch.state, switch.changes, steps(outcome)) == (ON, 0, [])


def test_what_is_not_well_afterwards_is_undone_and_told() -> None:
    switch = Switch(works=False)
    outcome = carry_out(switch, PLAN)
    assert (outcome.state, outcome.amiss, switch.state) == (OutcomeState.UNDONE, True, ON)
    assert outcome.detail == "does not answer; it stands as before: answers"
    assert steps(outcome) == ["execute", "verify", "undo", "verify undo"]


def test_from_another_state_than_the_planned_one_nothing_is_done() -> None:
    switch = Switch(at={"key": "gone"})
    outcome = carry_out(switch, PLAN)
    assert (outcome.state, outcome.detail) == (OutcomeState.NOT_POSSIBLE, "changed since")
    assert switch.changes == 0


class Interrupted(Switch):
    """One whose change is made, and whose answer is lost."""

    def execute(self, plan: Plan) -> None:
        super().execute(plan)
        if plan.after == OFF:
            raise ProviderUnavailableError("no answer")


def test_a_change_of_which_no_answer_came_is_undone() -> None:
    switch = Interrupted()
    outcome = carry_out(switch, PLAN)
    assert (outcome.state, switch.state) == (OutcomeState.UNDONE, ON)
    assert outcome.detail.startswith("no answer; it stands as before")


class Unseen(Switch):
    """One that cannot be looked at afterwards."""

    def verify(self, plan: Plan) -> Check:  # noqa: ARG002  (that of every action)
        raise ProviderUnavailableError("no answer")


def test_what_could_not_be_verified_is_neither_called_well_nor_undone_unseen() -> None:
    switch = Unseen()
    outcome = carry_out(switch, PLAN)
    assert (outcome.state, switch.state) == (OutcomeState.FAILED, OFF)
    assert "not verified (no answer); look at it" in outcome.detail


class Overtaken(Switch):
    """One that somebody else changes while it is being verified."""

    def verify(self, plan: Plan) -> Check:  # noqa: ARG002  (that of every action)
        self.state = {"key": "theirs"}
        return Check(False, "theirs was deployed meanwhile")


def test_somebody_elses_change_is_never_undone() -> None:
    switch = Overtaken()
    outcome = carry_out(switch, PLAN)
    assert (outcome.state, switch.state) == (OutcomeState.FAILED, {"key": "theirs"})
    assert "could not be put back: changed since" in outcome.detail


def test_what_was_done_can_be_taken_back_by_its_plan_read_from_a_file() -> None:
    switch = Switch()
    carry_out(switch, PLAN)
    read = Plan.parse(json.loads(json.dumps(to_jsonable(PLAN))))
    assert read == PLAN
    outcome = take_back(switch, read)
    assert (outcome.state, switch.state) == (OutcomeState.DONE, ON)


@pytest.mark.parametrize(
    "document", [None, [], {}, {"target": "a"}, to_jsonable(PLAN) | {"after": "x"}]
)
def test_a_file_that_holds_no_plan_is_refused(document: Any) -> None:
    with pytest.raises(ConfigError, match="this is no plan of a response"):
        Plan.parse(document)


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (ResponseError("nowhere to go"), OutcomeState.NOT_POSSIBLE),
        (ProviderUnavailableError("no answer"), OutcomeState.FAILED),
    ],
)
def test_what_stands_in_the_way_of_a_plan_is_an_outcome(
    error: Exception, state: OutcomeState
) -> None:
    def run(name: str, _: Callable[[], T], /) -> T:
        assert name == "plan key"
        raise error

    outcome = planned(Switch(), run)
    assert isinstance(outcome, Outcome)
    assert (outcome.state, outcome.detail) == (state, str(error))
