"""
A rotation that got stuck is brought to an end, whichever way the system behind it allows.

| the system honours        | then                                                        |
|---------------------------|-------------------------------------------------------------|
| AWSPENDING                | it is promoted, by the checks of finishSecret               |
| AWSCURRENT, not AWSPENDING | AWSPENDING loses its label, so that a new rotation may start |
| AWSPREVIOUS alone         | a person is told; on their wish it is put back in use       |
| none of them              | a person is told                                            |
| no answer                 | nothing is changed                                          |
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Generic

from wickie.errors import AuthenticationError, ConfigError, ProviderError, RotationError
from wickie.model import Answer, RepairState, Stage, Verdict
from wickie.providers import C, verify
from wickie.rotation.driver import promote, publish_stages

if TYPE_CHECKING:
    from collections.abc import Callable

    from wickie.rotation.driver import Rotation
    from wickie.rotation.versions import Versions

YOUNG: Final = timedelta(minutes=15)
"""Secrets Manager itself tries a failing rotation again; a younger one is left to it."""


@dataclass(frozen=True)
class RepairRequest:
    """How far a repair may go."""

    dry: bool = False
    restore: bool = False
    """Put AWSPREVIOUS back in use, where it is the only value that is honoured."""
    older_than: timedelta = YOUNG


class _Fitness(enum.Enum):
    FIT = enum.auto()
    UNFIT = enum.auto()
    """It is honoured, but not fit to follow AWSCURRENT: it may do less, or AWSCURRENT is dead."""
    DEAD = enum.auto()
    """The system refuses it, or it is none for this system and user and was not presented."""
    UNKNOWN = enum.auto()


@dataclass(frozen=True)
class _Plan:
    answer: Answer
    act: Callable[[], object] = field(default=lambda: None)


def repair(rotation: Rotation[C], request: RepairRequest) -> Answer:
    """Find out what ails the secret, and, unless `dry`, do what can be done about it."""
    seen = rotation.secret.versions()
    if request.dry:
        return _Diagnosis(rotation, seen, request).plan().answer
    with rotation.alone(seen, "repair") as versions:
        plan = _Diagnosis(rotation, versions, request).plan()
        plan.act()
        return plan.answer


class _Diagnosis(Generic[C]):
    """The versions of one secret, and how the system takes each of them."""

    def __init__(self, rotation: Rotation[C], versions: Versions, request: RepairRequest) -> None:
        self._rotation = rotation
        self._versions = versions
        self._request = request
        self._current_id = versions.current()
        self._current = rotation.secret.read(self._current_id)
        held = versions.holder(Stage.PENDING)
        self._pending_id = held if held != self._current_id else None

    def plan(self) -> _Plan:
        if self._pending_id is None:
            return self._without(None, "no rotation waits")
        age = datetime.now(UTC) - self._rotation.secret.made(self._versions)[self._pending_id]
        if max(age, timedelta()) < self._request.older_than:  # clocks differ a little
            minutes = age.total_seconds() / 60
            return _told(RepairState.UNDER_WAY, Verdict.UNKNOWN, f"begun {minutes:.0f} min ago")
        return self._pending(self._pending_id)

    def _pending(self, pending_id: str) -> _Plan:
        fitness, why = self._judged(pending_id)
        if fitness is _Fitness.UNKNOWN:
            return _told(RepairState.UNKNOWN, Verdict.UNKNOWN, why)
        if fitness is _Fitness.FIT:
            answer = Answer(Verdict.LIVE, why, state=RepairState.FINISHED)
            return _Plan(answer, lambda: promote(self._rotation, self._versions, pending_id))
        if fitness is _Fitness.DEAD:
            return self._without(pending_id, f"AWSPENDING {pending_id}: {why}")
        verdict, detail = verify(self._rotation.provider, self._current)
        if verdict is Verdict.DEAD:
            answer = Answer(Verdict.LIVE, f"AWSCURRENT: {detail}", state=RepairState.FINISHED)
            return _Plan(answer, lambda: self._use(pending_id))
        if verdict is Verdict.UNKNOWN:
            return _told(RepairState.UNKNOWN, verdict, detail)
        answer = Answer(verdict, why, state=RepairState.CANCELLED)
        return _Plan(answer, lambda: self._withdraw(pending_id))

    def _without(self, pending_id: str | None, why: str) -> _Plan:
        """What is to be done where AWSPENDING is of no use."""
        verdict, detail = verify(self._rotation.provider, self._current)
        if verdict is Verdict.DEAD:
            return self._without_current(pending_id, detail)
        if pending_id is None:
            state = RepairState.SOUND if verdict is Verdict.LIVE else RepairState.UNKNOWN
            return _told(state, verdict, detail)
        if verdict is Verdict.UNKNOWN and self._rotation.secret.find(pending_id) is not None:
            return _told(RepairState.UNKNOWN, verdict, detail)
        answer = Answer(verdict, why, state=RepairState.CANCELLED)
        return _Plan(answer, lambda: self._cancel(pending_id))

    def _without_current(self, pending_id: str | None, detail: str) -> _Plan:
        name, previous_id = self._versions.arn, self._versions.holder(Stage.PREVIOUS)
        fitness, why = (
            self._judged(previous_id) if previous_id else (_Fitness.DEAD, "there is none")
        )
        refused = "AWSCURRENT and AWSPENDING are" if pending_id else "AWSCURRENT is"
        if fitness is _Fitness.UNKNOWN:
            return _told(RepairState.UNKNOWN, Verdict.DEAD, f"AWSPREVIOUS: {why}")
        if fitness is _Fitness.DEAD or previous_id is None:
            return _told(
                RepairState.STUCK,
                Verdict.DEAD,
                f"{refused} refused ({detail}), and so is AWSPREVIOUS ({why}): put the working "
                f"password of {self._current.holder} into {name}",
            )
        if self._request.restore:
            answer = Answer(Verdict.LIVE, detail, state=RepairState.RESTORED)
            return _Plan(answer, lambda: self._restore(pending_id, previous_id))
        return _told(
            RepairState.STUCK,
            Verdict.DEAD,
            f"{refused} refused ({detail}), AWSPREVIOUS {previous_id} is honoured: to put it back "
            f"in use, run wickie repair --yes --restore {name}",
        )

    def _judged(self, version_id: str) -> tuple[_Fitness, str]:
        """Whether a version may follow AWSCURRENT."""
        try:
            other = self._ours(version_id)
            self._rotation.rotator.test_secret(other, self._current)
        except AuthenticationError as error:
            unfit = str(error)
        except ProviderError as error:
            return _Fitness.UNKNOWN, str(error)
        except (ConfigError, RotationError) as error:
            return _Fitness.DEAD, str(error)
        else:
            return _Fitness.FIT, f"{other.holder} signs in with it"
        verdict, detail = verify(self._rotation.provider, other)
        if verdict is Verdict.LIVE:
            return _Fitness.UNFIT, unfit
        return (_Fitness.DEAD if verdict is Verdict.DEAD else _Fitness.UNKNOWN), detail

    def _ours(self, version_id: str) -> C:
        """Read a version that may be presented where AWSCURRENT is."""
        other = self._rotation.secret.find(version_id)
        if other is None:
            raise RotationError("it has no value")
        if other.place != self._current.place:
            raise RotationError("it is for another system than AWSCURRENT")
        return other

    def _use(self, version_id: str) -> None:
        """Promote what is the only value that is honoured, though nothing can be compared."""
        self._rotation.leases.keep(self._current, self._versions.arn)
        self._rotation.secret.move(Stage.CURRENT, self._current_id, version_id)
        publish_stages(self._rotation)

    def _restore(self, pending_id: str | None, previous_id: str) -> None:
        if pending_id is not None:
            self._cancel(pending_id)
        self._use(previous_id)

    def _withdraw(self, pending_id: str) -> None:
        """Have the system refuse what it honours and nobody is to use."""
        pending = self._rotation.secret.read(pending_id)
        self._rotation.rotator.retire(pending, self._current)
        self._cancel(pending_id)

    def _cancel(self, pending_id: str) -> None:
        self._rotation.secret.move(Stage.PENDING, source=pending_id)
        publish_stages(self._rotation)


def _told(state: RepairState, verdict: Verdict, detail: str) -> _Plan:
    return _Plan(Answer(verdict, detail, state=state))
