"""Put a rotator through a fault at every call it makes, and tell what broke."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.faults.faults import FAULTS, AtCalls
from bench.faults.fuse import Fuse, Phase
from bench.faults.invariants import IN_THE_END, broken
from bench.faults.trial import Trial

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from bench.faults.fuse import Call
    from bench.faults.rotator import Rotator


@dataclass(frozen=True)
class Tally:
    """How often a fault was tried, and which invariants broke where."""

    tried: int
    broken: tuple[str, ...] = ()


def calls(rotator: Rotator) -> list[Call]:
    """Rotate undisturbed and return every call to the outside."""
    trial, fuse = Trial.begin(rotator), Fuse()
    trial.attempt(fuse)
    if wrong := broken(trial, IN_THE_END):
        raise RuntimeError(f"broken without any fault: {'; '.join(wrong)}", *trial.errors)
    return fuse.calls


def anywhere(_call: Call) -> bool:
    """Pick every call."""
    return True


def every(stride: int, first: int = 0) -> Callable[[Call], bool]:
    """Each `stride`th call, from the one with that number."""
    return lambda call: call.number % stride == first % stride


def try_out(
    rotator: Rotator,
    name: str,
    where: Callable[[Call], bool] = anywhere,
    made: Sequence[Call] | None = None,
) -> Tally:
    """
    Try a fault of `FAULTS`: at each call that it is for and `where` picks, or once.

    `made` is what `calls` returned, for who has asked already.
    """
    fault, found, tried = FAULTS[name], [], 0
    points = [0]
    if isinstance(fault, AtCalls):
        points = [c.number for c in applicable(rotator, name, made or calls(rotator)) if where(c)]
    for number in points:
        trial = Trial.begin(rotator)
        wrong = fault.play(trial, number)
        trial.retry()
        if wrong is None:
            continue
        tried += 1
        told = dict.fromkeys([*wrong, *broken(trial, IN_THE_END)])
        found += [f"{name} at {number}: {text}" for text in told]
    return Tally(tried, tuple(found))


def applicable(rotator: Rotator, name: str, made: Sequence[Call]) -> list[Call]:
    """Those calls at which a fault may strike."""
    fault = FAULTS[name]
    if not isinstance(fault, AtCalls):
        return []
    late = fault.phase is Phase.AFTER
    return [c for c in made if fault.applies(rotator, c) and (c.answered or not late)]


def names(*, everywhere: bool) -> Iterable[str]:
    """The faults that strike at calls, or those that befall a rotation as a whole."""
    return [name for name, fault in FAULTS.items() if isinstance(fault, AtCalls) is everywhere]
