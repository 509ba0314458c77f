"""
Carries actions out, always in this order: plan, approval, execute, verify, and undo if need be.

Dry run is decided here and nowhere else. No action raises through: a failure is an outcome too.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from wickie.errors import Error, ResponseError
from wickie.model import TimelineEntry
from wickie.response.action import Outcome, OutcomeState
from wickie.rotation.replacement import directly

if TYPE_CHECKING:
    from collections.abc import Callable

    from wickie.response.action import Action, Plan
    from wickie.rotation.replacement import StepRunner

T = TypeVar("T")


def planned(action: Action, run: StepRunner = directly) -> Plan | Outcome | None:
    """The plan; or what stands in its way; or None, where there is no call for one."""
    try:
        return run(f"plan {action.name}", action.plan)
    except ResponseError as error:
        return Outcome(action.name, OutcomeState.NOT_POSSIBLE, str(error))
    except Error as error:
        return Outcome(action.name, OutcomeState.FAILED, str(error))


def carry_out(
    action: Action, plan: Plan, run: StepRunner = directly, *, dry_run: bool = False
) -> Outcome:
    """Make the change that was planned, see that it is well, and undo it if it is not."""
    course = _Course(action, plan, run)
    if dry_run:
        return course.ended(OutcomeState.PLANNED, plan.summary)
    try:
        course.step("execute", lambda: action.execute(plan))
    except ResponseError as error:
        return course.ended(OutcomeState.NOT_POSSIBLE, str(error))
    except Error as error:
        # AWS may have done it before it failed to say so; from any other state undo does nothing.
        return course.undone(str(error))
    try:
        check = course.step("verify", lambda: action.verify(plan))
    except Error as error:
        return course.ended(
            OutcomeState.FAILED, f"{plan.summary}: done, and not verified ({error}); look at it"
        )
    if not check.passed:
        return course.undone(check.detail)
    return course.ended(OutcomeState.DONE, f"{plan.summary}: {check.detail}")


def take_back(action: Action, plan: Plan, run: StepRunner = directly) -> Outcome:
    """Undo at a person's request what was carried out before."""
    outcome = _Course(action, plan, run).undone("asked to")
    if outcome.state is OutcomeState.UNDONE:
        return replace(outcome, state=OutcomeState.DONE)
    return outcome


class _Course:
    """One action on its way, and when each of its steps ended."""

    def __init__(self, action: Action, plan: Plan, run: StepRunner) -> None:
        self._action = action
        self._plan = plan
        self._run = run
        self._timeline: list[TimelineEntry] = []

    def step(self, name: str, do: Callable[[], T]) -> T:
        """Run one, and note how it ended."""
        detail = "failed"
        try:
            result = self._run(f"{name} {self._action.name}", do)
            detail = getattr(result, "detail", "")
            return result
        finally:
            self._timeline.append(TimelineEntry(name, datetime.now(UTC), detail))

    def undone(self, why: str) -> Outcome:
        """Put back what was there, and see that this is well."""
        action, plan = self._action, self._plan
        try:
            self.step("undo", lambda: action.undo(plan))
            check = self.step("verify undo", lambda: action.verify(plan.back))
        except Error as error:
            detail = f"{why}; and it could not be put back: {error}"
            return self.ended(OutcomeState.FAILED, detail)
        state = OutcomeState.UNDONE if check.passed else OutcomeState.FAILED
        return self.ended(state, f"{why}; it stands as before: {check.detail}")

    def ended(self, state: OutcomeState, detail: str) -> Outcome:
        """What became of it."""
        return Outcome(self._plan.target, state, detail, self._plan, tuple(self._timeline))
