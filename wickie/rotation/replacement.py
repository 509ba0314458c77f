"""
The replacement procedure: a secret's value is exchanged for a new one, and the old one ends.

    preflight → start → wait → verify new → refresh dependents → retire old → prove old dead
                                                  └→ restore → refresh dependents again

The order stands here once; a flow and the CLI run it through a `StepRunner` of their own.
Every step may be repeated: a run that was cut short is simply run again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, Protocol, TypeVar

from wickie.asking import Patience
from wickie.errors import Error
from wickie.rotation import remote
from wickie.rotation.course import Course
from wickie.rotation.dependents.together import in_words, refresh_together

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wickie.aws import Clients
    from wickie.model import DependentOutcome, RotationOutcome
    from wickie.rotation.dependents import Dependent

T = TypeVar("T")

PERMISSIONS: Final = remote.PERMISSIONS
_WITH_SECRETS_MANAGER: Final = Patience(180)
_WITH_PROVIDERS: Final = Patience(10)


class StepRunner(Protocol):
    """How one step of the procedure is carried out: as a task, with progress shown, …"""

    def __call__(self, name: str, action: Callable[[], T], /) -> T:
        """Run `action`, and let whatever it raises through."""


def directly(name: str, action: Callable[[], T], /) -> T:  # noqa: ARG001  (a StepRunner)
    """Run a step with nothing around it."""
    return action()


@dataclass(frozen=True)
class ReplacementRequest:
    """Which secret is to be replaced, why, and who must be told."""

    secret: str
    """Name or ARN."""
    reason: Literal["requested", "leak"] = "requested"
    leaked_version: str | None = None
    """The version seen where it should not be; on a leak without one, the version in use."""
    dependents: tuple[Dependent, ...] = ()
    patience: Patience = _WITH_SECRETS_MANAGER
    """With Secrets Manager, which tries a failing rotation again by itself."""
    patience_with_providers: Patience = _WITH_PROVIDERS
    """With the system behind the credential, when it gives no verdict."""

    @property
    def leak(self) -> bool:
        """Whether the old value has to be dead when the procedure ends."""
        return self.reason == "leak" or self.leaked_version is not None


def replace(
    request: ReplacementRequest, clients: Clients, run: StepRunner = directly
) -> RotationOutcome:
    """Carry the procedure out. It never raises wickie's errors: a failure is an outcome too."""
    (outcome,) = replace_together([request], clients, run)
    return outcome


def replace_together(
    requests: Sequence[ReplacementRequest], clients: Clients, run: StepRunner = directly
) -> tuple[RotationOutcome, ...]:
    """
    Replace several, one after the other, and refresh who uses them once, when all have new values.

    Meanwhile their users go on with the old ones: only for strategies that let them.
    """
    courses = [Course(request, clients, run) for request in requests]
    for course in courses:
        course.attempt(course.renew)
    _tell(courses, "refresh dependents", run)
    for course in courses:
        course.attempt(course.judge)
    _tell(courses, "refresh dependents again", run)
    for course in courses:
        course.attempt(course.conclude)
    return tuple(course.journal.outcome() for course in courses)


def _tell(courses: Sequence[Course], name: str, run: StepRunner) -> None:
    """Refresh the dependents of all who have something to tell them."""
    telling = [(course, course.telling()) for course in courses]
    wanted = [pair for _, pairs in telling for pair in pairs]
    outcomes: tuple[DependentOutcome, ...] = ()
    if wanted:
        try:
            outcomes = run(name, lambda: refresh_together(wanted))
        except Error as error:
            for course in (course for course, pairs in telling if pairs):
                course.fail(error)
            return
    for course, pairs in telling:
        theirs, outcomes = outcomes[: len(pairs)], outcomes[len(pairs) :]
        course.told(theirs)
        if pairs:
            course.journal.note(name, in_words(theirs))
