"""The `rotate` flow under a real Prefect engine and server, with a secret on paper."""

from __future__ import annotations

import json
import logging
import secrets
from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import get_client
from prefect.flow_engine import run_flow
from prefect.settings import PREFECT_API_AUTH_STRING, temporary_settings
from prefect.states import Scheduled

import flows.rotate
from flows.rotate import outcome_of, rotate
from flows.runner import AuthStringFilter, as_task, told_safely
from tests.flows.conftest import recorded_tasks
from tests.rotation.paper import ARN, Secret, Shop
from wickie.asking import Patience
from wickie.errors import ConfigError, Error, ProviderUnavailableError
from wickie.model import DependentState, RotationState, Verdict

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("prefect", "shop")]


def test_a_leaked_secret_is_rotated_and_each_step_is_a_task_people_see(
    config: Path,
) -> None:
    state = rotate("shop/db", config, "leak", "v1", return_state=True)
    outcome = outcome_of(state)
    assert outcome is not None
    assert state.is_completed()
    assert state.message == "shop/db: old DEAD, new LIVE"
    assert outcome.old_credential is Verdict.DEAD
    assert [d.state for d in outcome.dependents] == [DependentState.REFRESHED]
    steps = {entry.step for entry in outcome.timeline} - {"asked"}
    assert "retire old" in steps
    # The server learns of task runs from events, so a moment later.
    assert Patience(120).until(lambda: steps <= recorded_tasks(state).keys() or None)


def test_who_else_uses_a_secret_is_a_warning_once_the_leak_is_dealt_with(
    secret: Secret, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lives: list[bool] = []

    def look(_clients: object, name: str, declared: list[dict[str, str]]) -> tuple[str, ...]:
        lives.append("v1" in secret.live)
        return (f"{name} is used by others than {declared[0]['service']}",)

    monkeypatch.setattr(flows.rotate, "warnings", look)
    assert rotate("shop/db", config, "leak").warnings == ()
    document = json.loads(config.read_text())
    document["secrets"][0]["discover"] = True
    document["response"]["debounce"] = "0s"
    config.write_text(json.dumps(document))
    secret.live.add("v1")
    secret.labels["v1"] = ["AWSPREVIOUS"]
    outcome = rotate("shop/db", config, "leak", "v1")
    assert outcome.warnings == ("shop/db is used by others than shop",)
    assert lives == [False], "the leaked value is dead before anyone is looked for"


def test_an_error_of_the_configuration_is_the_flows_one_line_message(tmp_path: Path) -> None:
    missing = tmp_path / "nowhere.yaml"
    state = rotate("shop/db", missing, return_state=True)
    assert state.is_failed()
    assert state.message.startswith(f"cannot read {missing}")
    assert outcome_of(state) is None


def test_a_rollback_fails_the_flow_and_still_tells_the_outcome(shop: Shop, config: Path) -> None:
    shop.well = False
    state = rotate("shop/db", config, "leak", return_state=True)
    outcome = outcome_of(state)
    assert state.is_failed()
    assert "the leaked value is in use" in state.message
    assert outcome is not None
    assert outcome.state is RotationState.ROLLED_BACK


def test_a_second_leak_of_a_secret_is_debounced_and_a_request_never_is(
    secret: Secret, config: Path
) -> None:
    rotate("shop/db", config, "leak")
    rotations = list(secret.rotations)
    state = rotate("shop/db", config, "leak", return_state=True)
    assert state.is_completed()
    assert outcome_of(state).state is RotationState.DEBOUNCED
    assert secret.rotations == rotations
    assert rotate("shop/db", config).state is RotationState.ROTATED
    assert len(secret.rotations) == len(rotations) + 1


def test_a_leak_response_that_is_stopped_midway_goes_on_when_prefect_runs_it_again(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"secret": "shop/db", "config": str(config), "reason": "leak", "version": "v1"}
    with get_client(sync_client=True) as client:
        deployment = client.create_deployment(client.create_flow(rotate), name="test")
        created = client.create_flow_run_from_deployment(deployment, parameters=given)

    def execute() -> Any:
        with get_client(sync_client=True) as client:
            client.set_flow_run_state(created.id, Scheduled(), force=True)
            run = client.read_flow_run(created.id)
        return run_flow(rotate, flow_run=run, parameters=run.parameters, return_type="state")

    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("wickie.rotation.remote.RemoteSecret.rotate", stopped)
        with pytest.raises(KeyboardInterrupt):
            execute()
    state = execute()
    assert state.is_completed(), state.message
    assert state.message == "shop/db: old DEAD, new LIVE"


def test_the_cap_stops_the_wheel_and_says_what_a_person_can_do(
    secret: Secret, config: Path
) -> None:
    config.write_text(config.read_text().replace('per_hour": 2', 'per_hour": 0'))
    state = rotate("shop/db", config, "leak", return_state=True)
    assert state.is_failed()
    assert "rotate it by hand" in state.message
    assert outcome_of(state).state is RotationState.CAPPED
    assert secret.rotations == []


def test_a_leaked_previous_version_is_retired_even_when_capped(
    config: Path,
) -> None:
    config.write_text(config.read_text().replace('per_hour": 2', 'per_hour": 0'))
    assert rotate(ARN, config, "leak", "v0").old_credential is Verdict.DEAD


def test_a_step_is_tried_again_only_if_its_error_says_that_it_helps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(flows.runner.step, "retry_delay_seconds", [0, 0])
    attempts = []

    def fail_with(error: Error) -> Any:
        def action() -> None:
            attempts.append(1)
            raise error

        return action

    with pytest.raises(ProviderUnavailableError):
        as_task("busy", fail_with(ProviderUnavailableError("busy")))
    assert len(attempts) == 3
    with pytest.raises(ConfigError):
        as_task("wrong", fail_with(ConfigError("wrong")))
    assert len(attempts) == 4


def test_a_foreign_exception_is_told_without_its_text() -> None:
    value = secrets.token_urlsafe(24)
    with pytest.raises(Error, match=r"x broke unexpectedly \(KeyError in") as e, told_safely("x"):
        raise KeyError(value)
    assert value not in str(e.value)


def test_the_servers_password_is_taken_out_of_log_records() -> None:
    auth = f"wickie:{secrets.token_urlsafe(24)}"
    record = logging.LogRecord("any", logging.INFO, "", 0, "sent %s", (auth,), None)
    with temporary_settings({PREFECT_API_AUTH_STRING: auth}):
        assert AuthStringFilter().filter(record)
    assert auth not in record.getMessage()
