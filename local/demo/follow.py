"""Start a deployment as its schedule would, and tell the steps it takes until it ends."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import httpx

if TYPE_CHECKING:
    from collections.abc import Callable

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
    with httpx.Client(base_url=api_url, timeout=30) as api:
        found = api.get(f"deployments/name/{deployment}").raise_for_status().json()
        created = api.post(f"deployments/{found['id']}/create_flow_run", json={})
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
    if reply.status_code == httpx.codes.SERVICE_UNAVAILABLE:
        return  # Prefect's way to say that SQLite is busy
    tasks = [task for task in reply.raise_for_status().json() if task["id"] not in told]
    for task in sorted(tasks, key=lambda task: task["end_time"]):
        told.add(task["id"])
        failed = "" if task["state_type"] == "COMPLETED" else f"  {task['state']['message']}"
        tell(f"{task['name']}{failed}")
