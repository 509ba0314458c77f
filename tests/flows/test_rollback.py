"""The `rollback` flow: real Prefect suspends and resumes it; the Lambda function is moto's."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from prefect.client.orchestration import get_client
from prefect.exceptions import Pause
from prefect.flow_engine import run_flow
from prefect.states import Scheduled

from flows.rollback import rollback
from tests.response.function import Function
from wickie.aws import Clients
from wickie.model import to_jsonable

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("prefect", "stage")]


@pytest.fixture
def function(stage: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> Function:  # noqa: ARG001  (moto must be on)
    clients = Clients(boto3.Session(region_name="us-east-1"))
    monkeypatch.setattr("flows.rollback.Clients", lambda: clients)
    return Function()


@pytest.fixture
def parameters(function: Function, tmp_path: Path) -> Any:
    """The flow's parameters for the way back from version 3 to 1, where wickie.yaml is as given."""

    def write(**policy: Any) -> dict[str, Any]:
        target = {"kind": "lambda-alias", "function": "shop", "alias": "live"}
        section = {"rollback": [{"target": target, **policy}]}
        config = tmp_path / "wickie.yaml"
        config.write_text(json.dumps({"stage": "test", "vulnerabilities": section}))
        plan = function.rollback(function.builds[2]).plan()
        return {"plan": to_jsonable(plan), "config": str(config)}

    return write


class Run:
    """A run of the flow by its deployment, as a worker starts it each time it is scheduled."""

    def __init__(self, parameters: dict[str, Any]) -> None:
        with get_client(sync_client=True) as client:
            flow = client.create_flow(rollback)
            deployment = client.create_deployment(flow, name="rollback")
            created = client.create_flow_run_from_deployment(
                deployment, parameters=parameters, state=Scheduled()
            )
        self.id = created.id

    def start(self) -> Any:
        with get_client(sync_client=True) as client:
            flow_run = client.read_flow_run(self.id)
        with suppress(Pause):  # how a suspended run ends its process
            run_flow(
                rollback, flow_run=flow_run, parameters=flow_run.parameters, return_type="state"
            )
        return self.state()

    def state(self) -> Any:
        with get_client(sync_client=True) as client:
            return client.read_flow_run(self.id).state

    def resume(self) -> Any:
        with get_client(sync_client=True) as client:
            return client.resume_flow_run(self.id)


def test_without_approval_it_is_done_at_once(function: Function, parameters: Any) -> None:
    state = rollback(**parameters(approval="none"), return_state=True)
    assert state.is_completed(), state.message
    assert state.message.endswith("from version 3 to 1: the alias is at version 1")
    assert function.alias["FunctionVersion"] == "1"


def test_nothing_is_done_until_the_run_is_resumed_and_then_what_was_approved(
    function: Function, parameters: Any
) -> None:
    run = Run(parameters())
    state = run.start()
    assert (state.name, function.alias["FunctionVersion"]) == ("Suspended", "3")
    assert run.resume().status.value == "ACCEPT"
    state = run.start()
    assert state.is_completed(), state.message
    assert function.alias["FunctionVersion"] == "1"


def test_after_its_time_nothing_can_be_approved_any_more(
    function: Function, parameters: Any
) -> None:
    run = Run(parameters(approve_within="1s"))
    assert run.start().name == "Suspended"
    time.sleep(1.1)
    assert run.resume().status.value == "REJECT"
    state = run.state()
    assert state.is_failed()
    assert state.message.endswith("and never resumed.")
    assert function.alias["FunctionVersion"] == "3"


def test_what_was_changed_while_a_person_thought_is_left_alone(
    function: Function, parameters: Any
) -> None:
    run = Run(parameters())
    run.start()
    function.lambda_.update_alias(FunctionName="shop", Name="live", FunctionVersion="2")
    run.resume()
    state = run.start()
    assert state.is_failed()
    assert "was changed since it was planned; plan again" in state.message
    assert function.alias["FunctionVersion"] == "2"


def test_a_plan_for_what_wickie_yaml_does_not_name_is_refused(
    function: Function, parameters: Any
) -> None:
    given = parameters(approval="none")
    given["plan"]["target"] = "Lambda alias other:live"
    state = rollback(**given, return_state=True)
    assert state.is_failed()
    assert "other:live is not under vulnerabilities.rollback" in state.message
    assert function.alias["FunctionVersion"] == "3"


def test_approval_is_never_skipped_by_running_the_flow_without_its_deployment(
    function: Function, parameters: Any
) -> None:
    state = rollback(**parameters(), return_state=True)
    assert state.is_failed()
    assert "needs approval runs by its deployment" in state.message
    assert function.alias["FunctionVersion"] == "3"
