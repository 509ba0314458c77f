"""Runs that were killed without a word are found by asking ECS, and those that live are left."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto import mock_aws
from prefect.settings import get_current_settings

from flows import sweep as module
from flows.sweep import sweep
from wickie.errors import NotFoundError
from wickie.prefect import PrefectServer
from wickie.registration.containers import gone

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("prefect")]

POOL = "wickie-swept"


@pytest.fixture(scope="module")
def pool(prefect: None) -> Iterator[SimpleNamespace]:
    """A work pool with one deployment, and how to put a run of it into a state."""
    del prefect
    server = PrefectServer(str(get_current_settings().api.url))
    server.create("/work_pools/", {"name": POOL, "type": "ecs"})
    flow = server.post("/flows/", {"name": "swept"})
    wanted = {"name": "swept", "flow_id": flow["id"], "work_pool_name": POOL}
    deployment = server.post("/deployments/", wanted)

    def run(state: str, noted: str | None) -> str:
        made = server.post(f"/deployments/{deployment['id']}/create_flow_run", {})
        if noted:
            server.patch(f"/flow_runs/{made['id']}", {"infrastructure_pid": noted})
        forced = {"state": {"type": state}, "force": True}
        server.post(f"/flow_runs/{made['id']}/set_state", forced)
        return str(made["id"])

    def state(id_: str) -> tuple[str, str]:
        found = server.get(f"/flow_runs/{id_}")["state"]
        return found["type"], found["message"] or ""

    yield SimpleNamespace(run=run, state=state)
    server.delete(f"/work_pools/{POOL}")


class Ecs:
    """ECS as far as DescribeTasks goes: what has stopped long ago it has forgotten."""

    def __init__(self, **tasks: str) -> None:
        self.tasks = tasks
        self.asked: list[list[str]] = []

    def describe_tasks(self, *, cluster: str, tasks: list[str]) -> dict[str, Any]:
        assert cluster == "flows"
        self.asked.append(tasks)
        found = [
            {"taskArn": task, "lastStatus": self.tasks[task]}
            for task in tasks
            if task in self.tasks
        ]
        return {"tasks": found, "failures": []}


def clients(ecs: Ecs) -> Any:
    return SimpleNamespace(ecs=ecs)


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SETTLED", timedelta())


@pytest.mark.usefixtures("settled")
def test_runs_whose_container_is_gone_are_crashed_and_others_left(pool: Any) -> None:
    ecs = Ecs(live="RUNNING", ended="STOPPED")
    runs = {task: pool.run("RUNNING", f"flows::{task}") for task in ("live", "ended", "forgotten")}
    cancelling = pool.run("CANCELLING", "flows::forgotten")
    scheduled = pool.run("SCHEDULED", None)
    pending = pool.run("PENDING", None)
    assert len(sweep(clients(ecs), POOL)) == 3
    assert pool.state(runs["live"])[0] == "RUNNING"
    assert pool.state(runs["ended"]) == (
        "CRASHED",
        "Its container is gone, and nobody said how it ended.",
    )
    assert pool.state(runs["forgotten"])[0] == "CRASHED"
    assert pool.state(cancelling)[0] == "CANCELLED"
    assert (pool.state(scheduled)[0], pool.state(pending)[0]) == ("SCHEDULED", "PENDING")
    assert sweep(clients(ecs), POOL) == []


def test_what_has_just_changed_is_left_alone(pool: Any) -> None:
    run = pool.run("RUNNING", "flows::forgotten")
    ecs = Ecs()
    assert sweep(clients(ecs), POOL) == []
    assert (pool.state(run)[0], ecs.asked) == ("RUNNING", [])


@pytest.mark.usefixtures("settled")
def test_a_run_that_never_got_a_container_is_crashed_after_an_hour(
    pool: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_SUBMITTED", timedelta())
    run = pool.run("PENDING", None)
    ecs = Ecs()
    sweep(clients(ecs), POOL)
    assert pool.state(run)[0] == "CRASHED"
    assert "It got no container" in pool.state(run)[1]


def test_ecs_is_asked_about_a_hundred_at_a_time_and_its_refusal_told() -> None:
    ecs = Ecs(**{f"t{n}": "RUNNING" for n in range(0, 250, 2)})
    lost = gone(clients(ecs).ecs, [f"flows::t{n}" for n in range(250)])
    assert lost == {f"flows::t{n}" for n in range(1, 250, 2)}
    assert list(map(len, ecs.asked)) == [100, 100, 50]
    with mock_aws(), pytest.raises(NotFoundError, match="tasks of cluster absent"):
        gone(boto3.client("ecs", "eu-west-1"), ["absent::t"])
