"""The `rotate-fleet` flow under a real Prefect engine and server, with secrets on paper."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from pydantic import ValidationError

import flows.rotate_fleet
import flows.runner
from flows.rotate_fleet import _shards, report_of, rotate_fleet
from tests.flows.conftest import STAGE, recorded_tasks
from tests.rotation.paper import SharedService, Shelf
from wickie.asking import Patience
from wickie.config import load_config
from wickie.config.fleet import Limits, Selection
from wickie.errors import ConfigError, ProviderUnavailableError
from wickie.model import RotationState, Verdict

NAMES = [f"shop/{number:02}" for number in range(30)]
EVERYTHING = Selection(everything=True)
ROTATED, FAILED = RotationState.ROTATED, RotationState.FAILED

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("prefect")]


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> Shelf:
    shelf = Shelf(*NAMES)
    monkeypatch.setattr("flows.rotate_fleet.Clients", lambda: shelf)
    monkeypatch.setattr(flows.runner, "_DELAYS", [0, 0])
    return shelf


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "wickie.yaml"
    secrets = [
        {"name": name, "engine": "postgres", "strategy": "alternating-users", "group": name[-1]}
        for name in NAMES
    ]
    secrets[1] |= {"engine": "iam-access-key", "strategy": "dual-key", "options": {"user": "app"}}
    path.write_text(json.dumps({"stage": STAGE, "secrets": secrets}))
    return path


def shown(state: Any) -> list[dict[str, str]]:
    """The table that people see at the run."""
    with get_client(sync_client=True) as client:
        artifacts = client.read_artifacts(
            artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=["rotate-fleet"]))
        )
    run = state.state_details.flow_run_id
    (data,) = [a.data for a in artifacts if a.flow_run_id == run]
    rows: list[dict[str, str]] = json.loads(str(data))
    return rows


def test_every_secret_gets_a_new_value_in_few_tasks_and_a_row(shelf: Shelf, config: Path) -> None:
    state = rotate_fleet(EVERYTHING, config, return_state=True)
    report = report_of(state)
    assert report is not None
    assert state.is_completed()
    assert state.message == "30 secrets rotated"
    assert [(row.secret, row.state) for row in report.rows] == [(n, ROTATED) for n in NAMES]
    assert all(len(secret.rotations) == 1 for secret in shelf.secrets.values())
    assert {row.old_credential for row in report.rows} == {Verdict.LIVE}, "left for settlement"
    assert [row["secret"] for row in shown(state)] == NAMES
    # A canary, and a shard for each worker; the server learns of them a moment later.
    assert Patience(120).until(lambda: len(recorded_tasks(state)) == 5 or None)


def test_a_thousand_secrets_are_twenty_task_runs() -> None:
    """Of some thousand at once Prefect's server forgets a part."""
    units: Any = [("a secret",)] * 1000
    assert [len(shard) for shard in _shards(units)] == [50] * 20


def test_on_a_leak_the_old_values_are_proven_dead(shelf: Shelf, config: Path) -> None:
    report = rotate_fleet(Selection(names=("shop/03", "shop/04")), config, "leak")
    assert [row.old_credential for row in report.rows] == [Verdict.DEAD] * 2
    assert ("retire", "v1") in shelf.secrets["shop/04"].asked


def test_one_that_fails_stops_no_other_and_fails_the_run_with_the_number(
    shelf: Shelf, config: Path
) -> None:
    shelf.secrets["shop/07"].answers[("verify", "v1")] = "DEAD"
    state = rotate_fleet(EVERYTHING, config, return_state=True)
    assert state.is_failed()
    assert state.message.startswith("1 of 30 secrets not rotated (shop/07: the value of shop/07")
    report = report_of(state)
    assert report.count(ROTATED) == 29
    assert shown(state)[0]["state"] == "FAILED"


def test_it_stops_at_the_limit_and_tells_which_were_not_begun(shelf: Shelf, config: Path) -> None:
    for name in NAMES:
        shelf.secrets[name].answers[("verify", "v1")] = "DEAD"
    limits = Limits(at_once=1, canary=0, failures=3)
    state = rotate_fleet(EVERYTHING, config, limits=limits, return_state=True)
    report = report_of(state)
    assert report.count(FAILED) == 3
    assert report.count(RotationState.NOT_BEGUN) == 27
    assert "30 of 30 secrets not rotated (stopped: 3 failed, and the limit is 3" in state.message


def test_a_canary_that_fails_stops_the_run(shelf: Shelf, config: Path) -> None:
    shelf.secrets["shop/01"].answers[("verify", "v1")] = "DEAD"
    limits = Limits(canary=2)
    report = report_of(rotate_fleet(EVERYTHING, config, limits=limits, return_state=True))
    assert report.stopped == "a canary failed"
    assert [name for name in NAMES if shelf.secrets[name].rotations] == ["shop/00"]


@pytest.mark.usefixtures("shelf")
def test_no_more_are_under_way_than_is_allowed(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    under_way, most, lock = 0, 0, threading.Lock()
    carry_out = flows.rotate_fleet.Fleet._replaced

    def counted(fleet: Any, unit: Any) -> Any:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        try:
            return carry_out(fleet, unit)
        finally:
            with lock:
                under_way -= 1

    monkeypatch.setattr(flows.rotate_fleet.Fleet, "_replaced", counted)
    rotate_fleet(EVERYTHING, config, limits=Limits(at_once=3))
    assert 1 < most <= 3


@pytest.mark.usefixtures("shelf")
def test_a_service_that_secrets_share_is_started_anew_once_for_all(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts: list[dict[str, str]] = []
    document = yaml.safe_load(config.read_text())
    service = {"kind": "ecs-service", "cluster": "main", "service": "shared"}
    for secret in document["secrets"][2:7]:
        secret["dependents"] = [service]
    config.write_text(json.dumps(document))
    monkeypatch.setattr(
        flows.rotate_fleet, "open_dependent", lambda name, *_: SharedService(name, starts)
    )
    report = rotate_fleet(EVERYTHING, config)
    (start,) = starts
    assert start.keys() == set(NAMES[2:7])
    assert {row.secret for row in report.rows if row.dependents} == set(NAMES[2:7])


def test_a_step_is_tried_again_if_that_may_help(shelf: Shelf, config: Path) -> None:
    unreachable = ProviderUnavailableError("db.internal is unreachable")
    shelf.secrets["shop/05"].answers[("verify", "v1")] = unreachable
    state = rotate_fleet(Selection(names=("shop/05",)), config, return_state=True)
    assert "db.internal is unreachable" in state.message
    assert len(shelf.secrets["shop/05"].asked) == 3


@pytest.mark.usefixtures("shelf")
def test_what_breaks_unexpectedly_is_told_without_its_words_and_stops_no_other(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    carry_out = flows.rotate_fleet.Fleet.carry_out

    def broken(fleet: Any, unit: Any) -> Any:
        if unit[0].name == "shop/09":
            raise ValueError("quotes hunter2")
        return carry_out(fleet, unit)

    monkeypatch.setattr(flows.rotate_fleet.Fleet, "carry_out", broken)
    state = rotate_fleet(EVERYTHING, config, return_state=True)
    assert state.message.startswith(
        "1 of 30 secrets not rotated (shop/09: rotation of shop/09 broke"
    )
    assert "hunter2" not in state.message


def test_a_selection_is_all_that_is_said_of_it(config: Path) -> None:
    managed = load_config(config)

    def selected(**said: Any) -> list[str]:
        return [secret.name for secret in Selection(**said).of(managed)]

    assert selected(everything=True) == NAMES
    assert selected(pattern="shop/0[12]") == ["shop/01", "shop/02"]
    assert selected(engine="iam-access-key") == ["shop/01"]
    assert selected(group="7") == ["shop/07", "shop/17", "shop/27"]
    assert selected(group="7", pattern="shop/1*") == ["shop/17"]
    assert selected(names=["shop/02"], engine="postgres") == ["shop/02"]
    with pytest.raises(ConfigError, match="shop/99: not managed"):
        selected(names=["shop/99"])
    with pytest.raises(ConfigError, match="no managed secret is selected"):
        selected(pattern="nothing")
    for said in ({}, {"everything": True, "group": "7"}, {"engine": "postgre"}, {"all": True}):
        with pytest.raises(ValidationError):
            Selection(**said)


def test_its_deployment_is_started_by_people_and_once_at_a_time() -> None:
    document = yaml.safe_load((Path(__file__).parents[2] / "prefect.yaml").read_text())
    entrypoint = "flows/rotate_fleet.py:rotate_fleet"
    (deployment,) = [d for d in document["deployments"] if d["entrypoint"] == entrypoint]
    assert "schedules" not in deployment
    assert deployment["concurrency_limit"] == {"limit": 1, "collision_strategy": "CANCEL_NEW"}
