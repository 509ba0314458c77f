"""
The `upkeep` flow: rotations that got stuck are ended, values that nobody uses are retired.

Each secret's own rotation function decides and acts; this container sees its answers alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

from prefect import State, flow
from prefect.artifacts import create_table_artifact
from prefect.events import emit_event
from prefect.futures import PrefectFuture
from prefect.logging import get_run_logger
from prefect.states import Completed
from prefect.task_runners import ThreadPoolTaskRunner

from flows.runner import failed, redact_logs, step, told_safely
from wickie.aws import Clients
from wickie.config import ManagedSecret, load_config
from wickie.errors import Error, RotationError
from wickie.model import RepairState, to_jsonable
from wickie.rotation.upkeep import Upkeep, keep_up

_AT_ONCE: Final = 4
_AMISS: Final = (RepairState.STUCK, RepairState.UNKNOWN)

Summary = dict[str, Any]


@flow(
    name="upkeep",
    persist_result=False,
    task_runner=ThreadPoolTaskRunner(max_workers=_AT_ONCE),  # type: ignore[arg-type]  # as in nightly_scan
)
def upkeep(config: Path = Path("wickie.yaml")) -> State[Summary]:
    """
    Repair stuck rotations, and retire superseded values that nobody uses.

    Args:
        config: The wickie.yaml that names the secrets.
    """
    redact_logs()
    try:
        with told_safely("upkeep"):
            return _upkeep(load_config(config).secrets, Clients())
    except Error as error:
        return failed(error)


def _upkeep(secrets: Sequence[ManagedSecret], clients: Clients) -> State[Summary]:
    futures: dict[str, PrefectFuture[Upkeep]] = {
        secret.name: step.submit(
            f"upkeep of {secret.name}",
            partial(keep_up, clients, secret.name, _given(secret), secret.grace),
        )
        for secret in secrets
    }
    done: list[Upkeep] = []
    amiss: dict[str, str] = {}
    for name, future in futures.items():
        try:
            with told_safely(f"upkeep of {name}"):
                done.append(future.result())
        except Error as error:
            amiss[name] = str(error)
    amiss |= {each.secret: each.repair.detail for each in done if each.repair.state in _AMISS}
    _show(done, amiss)
    if amiss:
        return failed(RotationError("; ".join(f"{name}: {why}" for name, why in amiss.items())))
    return Completed(message=f"{len(done)} secrets in order", data={"secrets": to_jsonable(done)})


def _given(secret: ManagedSecret) -> timedelta | None:
    return secret.grace if "grace" in secret.model_fields_set else None


def _show(done: Sequence[Upkeep], amiss: dict[str, str]) -> None:
    """Put what was done and kept, and why, where people look at the run, or an automation does."""
    log = get_run_logger()
    for each in done:
        if each.repair.state not in (RepairState.SOUND, RepairState.UNDER_WAY):
            log.warning("%s: rotation %s: %s", each.secret, each.repair.state, each.repair.detail)
            _tell(each)
    rows = [_row(each) for each in done]
    rows += [
        {"secret": name, "rotation": "ERROR", "why": why}
        for name, why in amiss.items()
        if name not in {each.secret for each in done}
    ]
    if rows:
        create_table_artifact(key="upkeep", table=rows)


def _tell(each: Upkeep) -> None:
    """Emit `wickie.rotation.cancelled`, `.stuck`, …: Prefect's automations notify of events."""
    emit_event(
        f"wickie.rotation.{each.repair.state.lower()}",
        resource={"prefect.resource.id": f"wickie.secret.{each.secret}"},
        payload={"detail": each.repair.detail},
    )


def _row(each: Upkeep) -> dict[str, str]:
    told = each.settlement or each.repair
    return {
        "secret": each.secret,
        "rotation": each.repair.state,
        "superseded value": each.settlement.state if each.settlement else "",
        "why": told.detail,
    }
