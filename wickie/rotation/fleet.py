"""
Many secrets replaced in one run: who goes first, who takes turns, and when the run stops.

Secrets that share a dependent which goes down while it is refreshed are one unit, which one
worker carries out: where old values work beside new ones all are renewed before it is refreshed,
once; the others follow each other. Units have nothing to do with each other, and run side by side.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from wickie.model import DependentState, RotationOutcome, RotationState, Verdict
from wickie.rotation.replacement import replace, replace_together

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from wickie.aws import Clients
    from wickie.rotation.replacement import ReplacementRequest, StepRunner

_HOUR: Final = 3600.0


@dataclass(frozen=True)
class Member:
    """A secret of the fleet, and what it has to do with others."""

    request: ReplacementRequest
    overlaps: bool
    """Whether its old value works beside the new one."""
    shared: frozenset[str] = frozenset()
    """Names of dependents that go down while they are refreshed."""
    master: str | None = None

    @property
    def name(self) -> str:
        return self.request.secret


Unit = tuple[Member, ...]


@dataclass(frozen=True)
class FleetRow:
    """What became of one secret. Versions are ids, never values."""

    secret: str
    state: RotationState
    from_version: str | None = None
    to_version: str | None = None
    old_credential: Verdict = Verdict.UNKNOWN
    dependents: tuple[str, ...] = ()
    """Names of those that were refreshed."""
    seconds: float = 0.0
    error: str | None = None

    @classmethod
    def of(cls, outcome: RotationOutcome) -> FleetRow:
        """Keep what a person asks for of a thousand: no timeline."""
        well = (d.name for d in outcome.dependents if d.state is DependentState.REFRESHED)
        return cls(
            outcome.secret,
            outcome.state,
            outcome.from_version,
            outcome.to_version,
            outcome.old_credential,
            tuple(well),
            round(outcome.seconds, 3),
            outcome.error,
        )


@dataclass(frozen=True)
class FleetReport:
    """One row for each secret that was selected."""

    rows: tuple[FleetRow, ...]
    stopped: str | None = None
    """Why the run was stopped before its end, if it was."""
    seconds: float = 0.0

    def count(self, *states: RotationState) -> int:
        """How many ended in one of `states`."""
        return sum(row.state in states for row in self.rows)


def units_of(members: Iterable[Member]) -> list[Unit]:
    """Join the members that share something, over however many others."""
    found: list[tuple[set[str], list[Member]]] = []
    for member in members:
        shared, joined = set(member.shared), [member]
        apart = []
        for names, others in found:
            if names & shared:
                shared |= names
                joined = others + joined
            else:
                apart.append((names, others))
        found = [*apart, (shared, joined)]
    return [tuple(joined) for _, joined in found]


def waves_of(units: Iterable[Unit], canaries: int) -> list[list[Unit]]:
    """
    Put units in waves, each begun when the one before has ended: canaries, administrators, others.

    An administrator's secret is not rotated while its function signs in for others. Canaries are
    the units with the fewest secrets, until there are as many as that.
    """
    waiting = sorted(units, key=len)
    masters = {member.master for unit in waiting for member in unit if member.master}
    first: list[Unit] = []
    while waiting and sum(map(len, first)) < canaries:
        first.append(waiting.pop(0))
    administrators = [u for u in waiting if any(member.name in masters for member in u)]
    others = [unit for unit in waiting if unit not in administrators]
    return [wave for wave in (first, administrators, others) if wave]


class Brake:
    """Counts failures, and stops the run at so many, or at such a share of all."""

    def __init__(self, total: int, failures: int, percent: float | None) -> None:
        self._total, self._most, self._percent = total, failures, percent
        self._failed = 0
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self.reason: str | None = None

    @property
    def pulled(self) -> bool:
        """Whether nothing more is to be begun."""
        return self._stopped.is_set()

    def count(self, rows: Iterable[FleetRow]) -> None:
        """Take note of secrets that were not rotated."""
        with self._lock:
            self._failed += sum(row.state is not RotationState.ROTATED for row in rows)
            if self._failed >= self._most:
                self.pull(f"{self._failed} failed, and the limit is {self._most}")
            elif self._percent and self._failed * 100 >= self._percent * self._total:
                share = f"{self._failed} of {self._total} failed"
                self.pull(f"{share}, and the limit is {self._percent:g} %")

    def pull(self, reason: str) -> None:
        """Let nothing more begin; what is under way ends."""
        self.reason = self.reason or reason
        self._stopped.set()

    def wait(self, seconds: float) -> None:
        """Sleep, unless the brake is pulled."""
        self._stopped.wait(seconds)


class Pace:
    """Lets so many secrets begin in any hour, and has the others wait."""

    def __init__(self, per_hour: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_hour, self._clock = per_hour, clock
        self._begun: deque[float] = deque()
        self._lock = threading.Lock()

    def admit(self, number: int, sleep: Callable[[float], object]) -> None:
        """Return when that many may begin; more than an hour's allowance, in an hour of its own."""
        with self._lock:
            left = max(0, self._per_hour - number)
            while self._begun and (
                len(self._begun) > left or self._clock() - self._begun[0] >= _HOUR
            ):
                wait = self._begun[0] + _HOUR - self._clock()
                if wait > 0:
                    sleep(wait)
                self._begun.popleft()
            self._begun.extend([self._clock()] * number)


class Admission(Protocol):
    """`Pace.admit`."""

    def __call__(self, number: int, sleep: Callable[[float], object], /) -> None:
        """Return when so many may begin."""


@dataclass(frozen=True)
class Fleet:
    """A run over many units."""

    clients: Clients
    run: StepRunner
    brake: Brake
    at_once: threading.Semaphore
    admit: Admission

    def carry_out(self, unit: Unit) -> tuple[FleetRow, ...]:
        """Replace a unit's secrets, unless the run was stopped; never raises wickie's errors."""
        with self.at_once:
            if not self.brake.pulled:
                self.admit(len(unit), self.brake.wait)
            if self.brake.pulled:
                return tuple(FleetRow(m.name, RotationState.NOT_BEGUN) for m in unit)
            rows = tuple(FleetRow.of(outcome) for outcome in self._replaced(unit))
        self.brake.count(rows)
        return rows

    def broken(self, unit: Unit, why: str) -> tuple[FleetRow, ...]:
        """Tell of a unit that broke, so that what became of its secrets is not known."""
        rows = tuple(FleetRow(m.name, RotationState.FAILED, error=why) for m in unit)
        self.brake.count(rows)
        return rows

    def _replaced(self, unit: Unit) -> Sequence[RotationOutcome]:
        in_turn = [member.request for member in unit if not member.overlaps]
        together = [member.request for member in unit if member.overlaps]
        done = [replace(request, self.clients, self.run) for request in in_turn]
        return [*done, *replace_together(together, self.clients, self.run)]
