"""The `upkeep` flow under a real Prefect engine and server, with a secret on paper."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey

import flows.runner
from flows.upkeep import upkeep
from tests.rotation.paper import Secret
from wickie.errors import ProviderUnavailableError

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("prefect", "secret")]


@pytest.fixture(autouse=True)
def _clients(secret: Secret, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.upkeep.Clients", lambda: secret)


def shown(flow_run_id: object) -> list[dict[str, str]]:
    """The table that people see at the run."""
    with get_client(sync_client=True) as client:
        artifacts = client.read_artifacts(
            artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=["upkeep"]))
        )
    (data,) = [a.data for a in artifacts if a.flow_run_id == flow_run_id]
    rows: list[dict[str, str]] = json.loads(str(data))
    return rows


def test_a_sound_secret_is_settled_and_what_is_kept_is_told_with_the_reason(
    secret: Secret, config: Path
) -> None:
    state = upkeep(config, return_state=True)
    assert state.is_completed(), state.message
    assert [action for action, _ in secret.asked] == ["repair", "settle"]
    assert secret.events[-1]["GraceSeconds"] == "86400"
    assert secret.rotations == []
    (row,) = shown(state.state_details.flow_run_id)
    assert row == {
        "secret": "shop/db",
        "rotation": "SOUND",
        "superseded value": "KEPT",
        "why": "as scripted",
    }


@pytest.mark.parametrize(
    ("said", "tag", "seconds"),
    [("6h", None, 21600), ("6h", "2h", 21600), (None, "2h", 7200), ("0s", "2h", 0)],
    ids=["wickie.yaml", "wickie.yaml before the tag", "the tag", "none at all"],
)
def test_an_old_value_has_the_grace_of_wickie_yaml_else_that_of_the_secrets_tag(
    secret: Secret, config: Path, said: str | None, tag: str | None, seconds: int
) -> None:
    if said:
        document = yaml.safe_load(config.read_text())
        document["secrets"][0]["grace"] = said
        config.write_text(json.dumps(document))
    secret.tags = {"wickie:grace": tag} if tag else {}
    assert upkeep(config, return_state=True).is_completed()
    assert secret.events[-1]["GraceSeconds"] == str(seconds)


def test_a_tag_that_is_no_duration_is_named_and_nothing_retired(
    secret: Secret, config: Path
) -> None:
    secret.tags = {"wickie:grace": "a day"}
    state = upkeep(config, return_state=True)
    assert "shop/db: tag wickie:grace of shop/db is no duration; write 90s" in state.message
    assert [action for action, _ in secret.asked] == ["repair"]


@pytest.mark.parametrize("state", ["CANCELLED", "FINISHED", "STUCK", "SOUND"])
def test_whoever_automates_is_told_by_an_event_of_a_rotation_that_was_not_in_order(
    secret: Secret, config: Path, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    told: list[tuple[str, str]] = []

    def emit(event: str, *, resource: dict[str, str], payload: dict[str, str]) -> None:
        assert payload == {"detail": "as scripted"}
        told.append((event, resource["prefect.resource.id"]))

    monkeypatch.setattr("flows.upkeep.emit_event", emit)
    secret.states["repair"] = state
    upkeep(config, return_state=True)
    expected = (f"wickie.rotation.{state.lower()}", "wickie.secret.shop/db")
    assert told == ([] if state == "SOUND" else [expected])


@pytest.mark.parametrize("repaired", ["UNDER_WAY", "FINISHED", "CANCELLED"])
def test_one_whose_rotation_was_not_in_order_is_repaired_and_nothing_of_it_retired(
    secret: Secret, config: Path, repaired: str
) -> None:
    secret.states["repair"] = repaired
    state = upkeep(config, return_state=True)
    assert state.is_completed(), state.message
    assert [action for action, _ in secret.asked] == ["repair"]
    assert {"DryRun", "Restore"}.isdisjoint(secret.events[-1])


@pytest.mark.parametrize("amiss", ["STUCK", "UNKNOWN"])
def test_one_that_a_person_must_see_to_fails_the_run_and_is_named(
    secret: Secret, config: Path, amiss: str
) -> None:
    secret.states["repair"] = amiss
    state = upkeep(config, return_state=True)
    assert state.is_failed()
    assert state.message == "shop/db: as scripted"
    assert shown(state.state_details.flow_run_id)[0]["rotation"] == amiss


def test_one_that_cannot_be_asked_fails_the_run_and_does_not_stop_the_others(
    secret: Secret, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flows.runner.step, "retry_delay_seconds", [0, 0])
    document = yaml.safe_load(config.read_text())
    document["secrets"].insert(0, document["secrets"][0] | {"name": "shop/gone"})
    config.write_text(json.dumps(document))
    state = upkeep(config, return_state=True)
    assert state.is_failed()
    assert "secret shop/gone does not exist here" in state.message
    assert [action for action, _ in secret.asked] == ["repair", "settle"]

    secret.answers[("settle", "")] = ProviderUnavailableError("pg_stat_activity is unreachable")
    state = upkeep(config, return_state=True)
    assert "pg_stat_activity is unreachable" in state.message


def test_its_deployment_runs_every_night() -> None:
    document = yaml.safe_load((Path(__file__).parents[2] / "prefect.yaml").read_text())
    entrypoint = "flows/upkeep.py:upkeep"
    (deployment,) = [d for d in document["deployments"] if d["entrypoint"] == entrypoint]
    assert deployment["schedules"] == [{"cron": "0 4 * * *", "timezone": "UTC"}]


def test_lost_flow_runs_of_the_stages_work_pool_are_swept(
    secret: Secret, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del secret
    monkeypatch.setattr("flows.upkeep.sweep", lambda _ecs, pool: [f"a run of {pool}"])
    state = upkeep(config, return_state=True)
    assert state.result()["crashed_runs"] == ["a run of wickie-test"]


def test_secrets_are_kept_up_although_flow_runs_cannot_be_swept(
    secret: Secret, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> list[str]:
        raise ProviderUnavailableError("ECS does not answer")

    monkeypatch.setattr(flows.runner.step, "retry_delay_seconds", [0, 0])
    monkeypatch.setattr("flows.upkeep.sweep", fails)
    state = upkeep(config, return_state=True)
    assert "flow runs: ECS does not answer" in state.message
    assert [action for action, _ in secret.asked] == ["repair", "settle"]
