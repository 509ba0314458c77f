"""
What a response can do: one change, planned before it is made, verified after, and undone.

A plan is a transition between two states that an action can tell apart. So it is made from the
planned state alone, making it twice makes it once, and undoing it is the transition back.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol

from wickie.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wickie.model import TimelineEntry

_FIELDS: Final = ("target", "summary", "reason", "before", "after")


@dataclass(frozen=True)
class Plan:
    """What an action would change. Plain data, so that it may wait in a file or for approval."""

    target: str
    """As a person knows it."""
    summary: str
    reason: str
    before: Mapping[str, str]
    """The state that it was planned from; from any other it is not carried out."""
    after: Mapping[str, str]

    @property
    def back(self) -> Plan:
        """The way back."""
        return replace(self, summary=f"undo: {self.summary}", before=self.after, after=self.before)

    @classmethod
    def parse(cls, document: Any) -> Plan:
        """Read one that was written as JSON. Raises `ConfigError` for what is none."""
        try:
            given: dict[str, Any] = {name: str(document[name]) for name in _FIELDS[:3]}
            for name in _FIELDS[3:]:
                given[name] = {str(key): str(value) for key, value in document[name].items()}
        except (KeyError, TypeError, AttributeError):
            raise ConfigError(
                f"this is no plan of a response: it needs {', '.join(_FIELDS)}; plan again"
            ) from None
        return cls(**given)


@dataclass(frozen=True)
class Check:
    """Whether a change had the effect it was made for, and what tells so."""

    passed: bool
    detail: str


class Action(Protocol):
    """One change to one thing. Each method may be called again with the same arguments."""

    PERMISSIONS: ClassVar[tuple[str, ...]]
    """What whoever carries it out may do, on exactly the thing it was made for."""

    @property
    def name(self) -> str:
        """How a person knows the thing."""

    def plan(self) -> Plan | None:
        """
        Say what would change, and change nothing; None where there is no call for it.

        Raises `ResponseError` where there is, and it is not possible.
        """

    def execute(self, plan: Plan) -> None:
        """
        Go from the plan's `before` to its `after`; do nothing where it stands there already.

        Raises `ResponseError`, having changed nothing, where it stands anywhere else.
        """

    def verify(self, plan: Plan) -> Check:
        """Wait until it is well in the plan's `after`, or is not."""

    def undo(self, plan: Plan) -> None:
        """Go back, by the same rules as `execute`."""


class OutcomeState(enum.StrEnum):
    """How an action ended."""

    DONE = "DONE"
    """Changed, and well."""
    UNDONE = "UNDONE"
    """Changed, not well, and put back, which is well."""
    PLANNED = "PLANNED"
    """Nothing was changed: only the plan was wanted."""
    AWAITS_APPROVAL = "AWAITS_APPROVAL"
    """Nothing was changed: a person decides, in a run of its own."""
    NOT_POSSIBLE = "NOT_POSSIBLE"
    """Nothing was changed: there is no state to go to, or it is not as it was planned from."""
    FAILED = "FAILED"
    """A person must look: how the thing stands now is not known, or not well."""


@dataclass(frozen=True)
class Outcome:
    """What became of one action."""

    target: str
    state: OutcomeState
    detail: str
    plan: Plan | None = None
    timeline: tuple[TimelineEntry, ...] = field(default=())

    @property
    def amiss(self) -> bool:
        """Whether a person must see to it."""
        return self.state in (OutcomeState.UNDONE, OutcomeState.FAILED)
