"""
Tells Prefect of containers that were killed, where no worker does: the observe function's work.

Of a run that a worker started, the worker's own observer tells: prefect_aws/observers/ecs.py.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from wickie.prefect import server_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_secretsmanager import SecretsManagerClient

    from wickie.prefect import PrefectServer

_UNDER_WAY: Final = ["RUNNING", "PENDING", "CANCELLING"]
_CONTAINER: Final = "prefect"


def observe(
    record: Mapping[str, Any], settings: Mapping[str, Any], secrets_manager: SecretsManagerClient
) -> dict[str, str]:
    """
    Crash the run that went on in the task of one message, if it was killed; what was done.

    A run that has an end already keeps it, and so does one that has another task by now.
    Settings are what the stack puts beside the code: `api_url`, `keys`, and the work pool's name.
    """
    detail = json.loads(record["body"])["detail"]
    task, why = detail["taskArn"], _why(detail)
    if not why:
        return {"task": task, "told": "nothing: it ended well"}
    server = server_of(settings, secrets_manager)
    run = _run_in(server, settings["pool"], task)
    if run is None:
        return {"task": task, "told": "nothing: no run is under way in it"}
    # From CANCELLING Prefect lets it go nowhere else.
    end = "CANCELLED" if run["state"]["type"] == "CANCELLING" else "CRASHED"
    state = {"type": end, "name": end.title(), "message": f"Its container ended: {why}."}
    reply = server.post(f"/flow_runs/{run['id']}/set_state", {"state": state})
    return {"task": task, "run": run["id"], "told": f"{end}: {reply['status']}"}


def _why(detail: Mapping[str, Any]) -> str:
    """What was wrong with how a task ended; empty if nothing was."""
    containers = detail.get("containers", [])
    ours = [c for c in containers if c.get("name") == _CONTAINER] or containers
    if ours and all(c.get("exitCode") == 0 for c in ours):
        return ""
    codes = ", ".join(f"exit code {c['exitCode']}" for c in ours if "exitCode" in c)
    told = (codes, detail.get("stopCode"), detail.get("stoppedReason"))
    return "; ".join(part for part in told if part) or "nobody says why"


def _run_in(server: PrefectServer, pool: str, task: str) -> Mapping[str, Any] | None:
    """The run under way whose infrastructure Prefect notes as this task: "cluster::task"."""
    wanted = {
        "flow_runs": {"state": {"type": {"any_": _UNDER_WAY}}},
        "work_pools": {"name": {"any_": [pool]}},
    }
    runs = server.post("/flow_runs/filter", wanted)
    return next((r for r in runs if (r["infrastructure_pid"] or "").endswith(f"::{task}")), None)
