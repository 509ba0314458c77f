"""
The `upkeep` flow: stuck rotations and lost runs are ended, values that nobody uses are retired.

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

from flows.runner import artifact_key, failed, redact_logs, step, told_safely
from flows.sweep import sweep
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
    Repair stuck rotations, retire superseded values that nobody uses, and end lost flow runs.

    Args:
        config: The wickie.yaml that names the secrets.
    """
    redact_logs()
    try:
        with told_safely("upkeep"):
            loaded = load_config(config)
            return _upkeep(loaded.secrets, Clients(), f"wickie-{loaded.stage}")
    except Error as error:
        return failed(error)


def _upkeep(secrets: Sequence[ManagedSecret], clients: Clients, pool: str) -> State[Summary]:
    swept = step.submit("sweep flow runs", lambda: sweep(clients, pool))
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
    crashed = _swept(swept, amiss)
    amiss |= {each.secret: each.repair.detail for each in done if each.repair.state in _AMISS}
    _show(done, amiss)
    if amiss:
        return failed(RotationError("; ".join(f"{name}: {why}" for name, why in amiss.items())))
    summary = {"secrets": to_jsonable(done), "crashed_runs": crashed}
    return Completed(message=f"{len(done)} secrets in order", data=summary)


def _swept(future: PrefectFuture[list[str]], amiss: dict[str, str]) -> list[str]:
    """Runs that were found to have no container, told to whoever reads the log."""
    try:
        with told_safely("sweep of flow runs"):
            crashed = future.result()
    except Error as error:
        amiss["flow runs"] = str(error)
        return []
    for name in crashed:
        get_run_logger().warning("flow run %s had no container any more and is ended", name)
    return crashed


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
        create_table_artifact(key=artifact_key("upkeep"), table=rows)


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
