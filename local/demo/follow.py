"""Start a deployment as its schedule would, and tell the steps it takes until it ends."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from local.prefect_api import prefect_api

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

_FINAL: Final = frozenset({"COMPLETED", "FAILED", "CRASHED", "CANCELLED"})
_PATIENCE: Final = 180.0


@dataclass(frozen=True)
class FlowRun:
    """How a flow run ended."""

    id: str
    state: str
    message: str


def follow(api_url: str, deployment: str, tell: Callable[[str], None]) -> FlowRun:
    """Run `flow/deployment` to its end; `tell` the name of each step as it ends."""
    with prefect_api(api_url) as api:
        found = api.get(f"deployments/name/{deployment}").raise_for_status().json()
        once = {"idempotency_key": str(uuid.uuid4())}
        created = api.post(f"deployments/{found['id']}/create_flow_run", json=once)
        run = created.raise_for_status().json()["id"]
        told: set[str] = set()
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            state = api.get(f"flow_runs/{run}").raise_for_status().json()["state"]
            _tell_tasks(api, told, tell)
            if state["type"] in _FINAL:
                return FlowRun(run, state["type"], state["message"] or "")
            time.sleep(0.3)
    raise TimeoutError(f"{deployment} did not end within {_PATIENCE:.0f} s")


def _tell_tasks(api: httpx.Client, told: set[str], tell: Callable[[str], None]) -> None:
    """Tell the steps that have ended since, the response's own among them."""
    ended = {"task_runs": {"state": {"type": {"any_": ["COMPLETED", "FAILED"]}}}}
    reply = api.post("task_runs/filter", json=ended)
    tasks = [task for task in reply.raise_for_status().json() if task["id"] not in told]
    for task in sorted(tasks, key=lambda task: task["end_time"]):
        told.add(task["id"])
        failed = "" if task["state_type"] == "COMPLETED" else f"  {task['state']['message']}"
        tell(f"{task['name']}{failed}")
