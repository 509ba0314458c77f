"""Of a container that was killed Prefect is told; on a real server: tests/local."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from tests.rotation.dependents.servers import serve
from wickie.errors import AuthenticationError
from wickie.registration.observer import observe

TASK = "arn:aws:ecs:eu-west-1:123456789012:task/flows/0123"
KEYS = {"api_key": "key", "auth_string": None}
KILLED = [{"name": "prefect", "exitCode": 137}]


class Prefect:
    """A server with one run under way, in TASK."""

    def __init__(self, place: str) -> None:
        self.url = f"http://{place}/api"
        self.state = "RUNNING"
        self.noted: str | None = f"flows::{TASK}"
        self.asked: dict[str, Any] = {}
        self.told: list[dict[str, str]] = []
        self.status = 200

    def answer(self, request: Any) -> tuple[int, dict[str, str], bytes]:
        body = json.loads(request.body)
        if request.path == "/api/flow_runs/filter":
            self.asked = body
            run = {"id": "r1", "infrastructure_pid": self.noted, "state": {"type": self.state}}
            return self.status, {}, json.dumps([run]).encode()
        assert request.path == "/api/flow_runs/r1/set_state"
        self.told.append(body["state"])
        return 201, {}, b'{"status": "ACCEPT"}'


@pytest.fixture
def prefect() -> Iterator[Prefect]:
    with serve(Prefect) as prefect:
        yield prefect


def ended(prefect: Prefect, **detail: Any) -> str:
    settings = {"api_url": prefect.url, "keys": KEYS, "pool": "wickie-x"}
    with mock_aws():
        manager = boto3.client("secretsmanager", "eu-west-1")
        manager.create_secret(Name="key", SecretString="any")
        body = json.dumps({"detail": {"taskArn": TASK, "lastStatus": "STOPPED"} | detail})
        return observe({"body": body}, settings, manager)["told"]


def test_a_run_whose_container_was_killed_is_crashed_and_says_how(prefect: Prefect) -> None:
    assert ended(prefect, containers=KILLED, stopCode="UserInitiated") == "CRASHED: ACCEPT"
    (state,) = prefect.told
    message = "Its container ended: exit code 137; UserInitiated."
    assert state == {"type": "CRASHED", "name": "Crashed", "message": message}
    assert prefect.asked["work_pools"] == {"name": {"any_": ["wickie-x"]}}


def test_a_task_that_never_started_says_why(prefect: Prefect) -> None:
    ended(prefect, stopCode="TaskFailedToStart", stoppedReason="CannotPullContainerError")
    assert "TaskFailedToStart; CannotPullContainerError" in prefect.told[0]["message"]


def test_a_run_that_was_being_cancelled_is_cancelled(prefect: Prefect) -> None:
    prefect.state = "CANCELLING"
    assert ended(prefect, containers=KILLED) == "CANCELLED: ACCEPT"


@pytest.mark.parametrize(
    ("noted", "containers"),
    [
        (f"flows::{TASK}", [{"name": "prefect", "exitCode": 0}]),
        (f"flows::{TASK}", [{"name": "prefect", "exitCode": 0}, {"name": "log", "exitCode": 1}]),
        (f"flows::{TASK}9", KILLED),
        (None, KILLED),
    ],
    ids=["ended well", "a sidecar failed", "has another task by now", "has none"],
)
def test_other_runs_are_left_alone(prefect: Prefect, noted: str | None, containers: Any) -> None:
    prefect.noted = noted
    assert ended(prefect, containers=containers).startswith("nothing")
    assert prefect.told == []


@pytest.mark.parametrize("status", ["PROVISIONING", "PENDING", "RUNNING", "STOPPING"])
def test_a_task_that_has_not_ended_has_no_exit_code_and_is_left_alone(
    prefect: Prefect, status: str
) -> None:
    told = ended(prefect, lastStatus=status, containers=[{"name": "prefect"}])
    assert told == "nothing: it is under way"
    assert prefect.told == []


def test_what_cannot_be_told_stays_in_the_queue(prefect: Prefect) -> None:
    prefect.status = 401
    with pytest.raises(AuthenticationError, match="refuses wickie"):
        ended(prefect, containers=KILLED)
