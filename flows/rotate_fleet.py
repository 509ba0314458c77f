"""
The `rotate-fleet` flow: many secrets get new values in one run, canaries first, within limits.

A task run costs the server more than a rotation costs this container, so tasks are shards of
secrets, mapped over as many workers, and the steps within are threads' work.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any, Final

from prefect import State, flow
from prefect.artifacts import (
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.futures import as_completed
from prefect.logging import get_run_logger
from prefect.states import Completed
from prefect.task_runners import ThreadPoolTaskRunner

from flows.rotate import Reason
from flows.runner import artifact_key, failed, redact_logs, step, told_safely, within_task
from wickie.aws import Clients
from wickie.config import Config, ManagedSecret, load_config
from wickie.config.fleet import Limits, Selection
from wickie.errors import Error, RotationError
from wickie.model import RotationState
from wickie.rotation.dependents.registry import KINDS, open_dependent
from wickie.rotation.fleet import (
    Brake,
    Fleet,
    FleetReport,
    FleetRow,
    Member,
    Pace,
    Unit,
    units_of,
    waves_of,
)
from wickie.rotation.replacement import ReplacementRequest
from wickie.rotation.strategies import WITH_OVERLAP

_LANES: Final = 4
_SHARD: Final = 50
"""Secrets in a task, at most: a thousand make 20 task runs; of fewer each worker has its share."""
_ROWS: Final = 1000
_NAMED: Final = 10
"""Failures that the run's message quotes; the table has them all."""

_once: Final = step.with_options(retries=0)  # the steps within are retried each for itself
_USUAL: Final = Limits()


class FleetNotRotatedError(RotationError):
    """Not every secret was rotated; `report` tells of each."""

    def __init__(self, report: FleetReport) -> None:
        amiss = [row for row in report.rows if row.state is not RotationState.ROTATED]
        told = [f"{row.secret}: {row.error}" for row in amiss if row.error]
        more = [f"and {len(told) - _NAMED} more"] if len(told) > _NAMED else []
        stopped = [f"stopped: {report.stopped}"] if report.stopped else []
        words = "; ".join([*stopped, *told[:_NAMED], *more])
        super().__init__(f"{len(amiss)} of {len(report.rows)} secrets not rotated ({words})")
        self.report = report


@flow(
    name="rotate-fleet",
    persist_result=False,
    task_runner=ThreadPoolTaskRunner(max_workers=_LANES),  # type: ignore[arg-type]  # as in nightly_scan
)
def rotate_fleet(
    selection: Selection,
    config: Path = Path("wickie.yaml"),
    reason: Reason = "requested",
    limits: Limits = _USUAL,
) -> State[FleetReport]:
    """
    Replace the values of many secrets, and refresh what uses them.

    Args:
        selection: Which of the managed secrets.
        config: The wickie.yaml that names them.
        reason: `leak` retires the old values and proves them dead; else the nightly upkeep does.
        limits: How many at once and in an hour, and after how many failures to stop.
    """
    redact_logs()
    try:
        with told_safely("rotation of the fleet"):
            report = _rotate_fleet(load_config(config), Clients(), selection, reason, limits)
            if report.count(RotationState.ROTATED) < len(report.rows):
                raise FleetNotRotatedError(report)
    except Error as error:
        return failed(error)
    return Completed(message=f"{len(report.rows)} secrets rotated", data=report)


def report_of(state: State[Any]) -> FleetReport | None:
    """What a `rotate-fleet` run did, if it came so far as to begin."""
    data = state.result(raise_on_failure=False)
    if isinstance(data, FleetNotRotatedError):
        return data.report
    return data if isinstance(data, FleetReport) else None


def _rotate_fleet(
    config: Config, clients: Clients, selection: Selection, reason: Reason, limits: Limits
) -> FleetReport:
    started = monotonic()
    for needed in ("secrets_manager", "lambda_"):
        getattr(clients, needed)  # made here, as boto3 makes clients in one thread only
    members = [_member(secret, clients, reason) for secret in selection.of(config)]
    brake = Brake(len(members), limits.failures, limits.percent)
    admit = Pace(limits.per_hour).admit if limits.per_hour else lambda _number, _sleep: None
    fleet = Fleet(clients, within_task, brake, threading.Semaphore(limits.at_once), admit)
    rows: list[FleetRow] = []
    shown: Any = create_progress_artifact(progress=0.0, key=artifact_key("rotate-fleet-progress"))
    for number, wave in enumerate(waves_of(units_of(members), limits.canary)):
        canary = bool(limits.canary) and number == 0
        threads = 1 if canary else -(-limits.at_once // _LANES)
        for done in _carried_out(fleet, [wave] if canary else _shards(wave), threads):
            before, rows = len(rows), [*rows, *done]
            # In tenths: each time costs this container as much as some rotations.
            if 10 * before // len(members) < 10 * len(rows) // len(members):
                _progress(shown, len(rows) / len(members))
        if canary and any(row.state is not RotationState.ROTATED for row in rows):
            brake.pull("a canary failed")
    rows.sort(key=lambda row: (row.state is RotationState.ROTATED, row.secret))
    report = FleetReport(tuple(rows), brake.reason, round(monotonic() - started, 3))
    _show(report)
    return report


def _member(secret: ManagedSecret, clients: Clients, reason: Reason) -> Member:
    declared = secret.declared()
    dependents = tuple(open_dependent(secret.name, entry, clients) for entry in declared)
    exclusive = (
        dependent.name
        for entry, dependent in zip(declared, dependents, strict=True)
        if KINDS[entry["kind"]].EXCLUSIVE
    )
    return Member(
        ReplacementRequest(secret.name, reason, dependents=dependents),
        secret.strategy in WITH_OVERLAP,
        frozenset(exclusive),
        secret.master,
    )


def _shards(wave: Sequence[Unit]) -> list[list[Unit]]:
    most = min(_SHARD, -(-sum(map(len, wave)) // _LANES))
    shards: list[list[Unit]] = [[]]
    for unit in wave:
        if shards[-1] and sum(map(len, shards[-1])) + len(unit) > most:
            shards.append([])
        shards[-1].append(unit)
    return shards


def _carried_out(
    fleet: Fleet, shards: Sequence[Sequence[Unit]], threads: int
) -> Iterator[list[FleetRow]]:
    """Carry every shard out in a task of its own; yield its rows as soon as it is done."""
    futures = {}
    for shard in shards:
        name = f"{sum(map(len, shard))} secrets from {shard[0][0].name}"
        futures[_once.submit(name, partial(_shard, fleet, shard, threads))] = (name, shard)
    for future in as_completed(list(futures)):
        name, shard = futures[future]
        try:
            with told_safely(name):
                yield future.result()
        except Error as error:
            yield [row for unit in shard for row in fleet.broken(unit, str(error))]


def _shard(fleet: Fleet, shard: Sequence[Unit], threads: int) -> list[FleetRow]:
    log = get_run_logger()
    with ThreadPoolExecutor(threads, thread_name_prefix="fleet") as pool:
        rows = [row for done in pool.map(partial(_unit, fleet), shard) for row in done]
    for row in rows:
        if row.error:
            log.warning("%s %s: %s", row.secret, row.state, row.error)
    return rows


def _unit(fleet: Fleet, unit: Unit) -> Iterable[FleetRow]:
    try:
        with told_safely(f"rotation of {', '.join(member.name for member in unit)}"):
            return fleet.carry_out(unit)
    except Error as error:
        return fleet.broken(unit, str(error))


def _progress(artifact: Any, share: float) -> None:
    update_progress_artifact(artifact, progress=round(100 * share, 1))


def _show(report: FleetReport) -> None:
    """Put a row for each secret where people look at the run, what went wrong first."""
    rows = [
        {
            "secret": row.secret,
            "state": row.state.value,
            "old value": row.old_credential.value,
            "refreshed": ", ".join(row.dependents),
            "seconds": row.seconds,
            "why": row.error or "",
        }
        for row in report.rows[:_ROWS]
    ]
    create_table_artifact(key=artifact_key("rotate-fleet"), table=rows)
