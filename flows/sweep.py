"""
Runs that Prefect takes for running, and whose container is gone: killed, with no hook run.

Where a worker hears how tasks end, or an automation misses a sign of life, none is left; this
finds what both have missed, by asking ECS.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from prefect import State
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.responses import SetStateStatus
from prefect.states import Cancelled, Crashed

from wickie.registration.containers import gone

if TYPE_CHECKING:
    from wickie.aws import Clients

_UNDER_WAY: Final = [StateType.RUNNING, StateType.PENDING, StateType.CANCELLING]
_SETTLED: Final = timedelta(minutes=15)
"""Younger states are left alone: whoever starts or ends a run may be about to say so."""
_SUBMITTED: Final = timedelta(hours=1)
"""In which whoever starts runs has either given a container to one, or lost it."""


def sweep(clients: Clients, pool: str) -> list[str]:
    """End runs of `pool` that nothing runs any more, and return their names."""
    under_way = FlowRunFilterState(type=FlowRunFilterStateType(any_=_UNDER_WAY))
    with get_client(sync_client=True) as client:
        runs = client.read_flow_runs(
            flow_run_filter=FlowRunFilter(state=under_way),
            work_pool_filter=WorkPoolFilter(name=WorkPoolFilterName(any_=[pool])),
        )
        settled = [run for run in runs if _age(run) > _SETTLED]
        noted = [run.infrastructure_pid for run in settled if run.infrastructure_pid]
        ended = gone(clients.ecs, noted) if noted else set()
        lost = [run for run in settled if run.infrastructure_pid in ended or _forgotten(run)]
        # A run that has ended meanwhile keeps the state it has: the server refuses another.
        answers = {run.name: client.set_flow_run_state(run.id, _end(run)) for run in lost}
    return [name for name, told in answers.items() if told.status is SetStateStatus.ACCEPT]


def _age(run: FlowRun) -> timedelta:
    return datetime.now(UTC) - run.state.timestamp if run.state else timedelta()


def _forgotten(run: FlowRun) -> bool:
    """A run that was to be given a container and is not: its submitter died in between."""
    pending = run.state_type is StateType.PENDING and not run.infrastructure_pid
    return pending and _age(run) > _SUBMITTED


def _end(run: FlowRun) -> State[None]:
    why = "Its container is gone, and nobody said how it ended."
    if not run.infrastructure_pid:
        why = f"It got no container within {_SUBMITTED}: whoever was to start one has lost it."
    if run.state_type is StateType.CANCELLING:  # from there Prefect lets it go nowhere else
        return Cancelled(message=why)
    return Crashed(message=why)
