"""Refreshes many dependents side by side, and one that several secrets share only once."""

from __future__ import annotations

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from wickie.errors import Error
from wickie.model import DependentOutcome, DependentState
from wickie.rotation.dependents import StartedAnew

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wickie.rotation.dependents import Dependent

    Wanted = Sequence[tuple[Dependent, str]]


def refresh_together(wanted: Wanted) -> tuple[DependentOutcome, ...]:
    """
    Refresh each dependent with its version; outcomes in the same order.

    Those of one name are one thing that several secrets share: started anew once for all of
    them where it can be, else told of one after the other.
    """
    shared: defaultdict[str, list[int]] = defaultdict(list)
    for index, (dependent, _) in enumerate(wanted):
        shared[dependent.name].append(index)
    if not shared:
        return ()
    outcomes: dict[int, DependentOutcome] = {}
    with ThreadPoolExecutor(len(shared)) as pool:
        refresh = pool.map(lambda indexes: _of_one([wanted[i] for i in indexes]), shared.values())
        for indexes, found in zip(shared.values(), refresh, strict=True):
            outcomes |= zip(indexes, found, strict=True)
    return tuple(outcomes[index] for index in range(len(wanted)))


def _of_one(wanted: Wanted) -> list[DependentOutcome]:
    anew = [(d, version) for d, version in wanted if isinstance(d, StartedAnew)]
    if len(anew) < len(wanted):
        return [refreshed(dependent, version) for dependent, version in wanted]
    versions = {dependent.mark: version for dependent, version in anew}
    first = anew[0][0]
    try:
        outcome = first.refresh_for(versions)
    except Error as error:
        outcome = _unhealthy(first, error)
    return [outcome] * len(wanted)


def refreshed(dependent: Dependent, version: str) -> DependentOutcome:
    """Refresh it; that it could not even be asked makes it unhealthy too."""
    try:
        return dependent.refresh(version)
    except Error as error:
        return _unhealthy(dependent, error)


def well(outcome: DependentOutcome) -> bool:
    """Whether it came back."""
    return outcome.state is DependentState.REFRESHED


def in_words(outcomes: Iterable[DependentOutcome]) -> str:
    """Say in a line what became of dependents."""
    return ", ".join(
        f"{o.name} {o.state.value}" + f" ({o.detail})" * bool(o.detail) for o in outcomes
    )


def _unhealthy(dependent: Dependent, error: Error) -> DependentOutcome:
    return DependentOutcome(dependent.name, DependentState.UNHEALTHY, str(error))
