"""The manifest says what prefect.yaml says, and nothing in it is left out in silence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.registration.conftest import ROOT, configured
from wickie.config import Scan
from wickie.config.events import EventRule
from wickie.errors import ConfigError
from wickie.registration.build import build_manifest
from wickie.registration.manifest import Manifest

OURS = ROOT / "prefect.yaml"


def one(manifest: Manifest, flow: str) -> Any:
    return next(d for d in manifest.deployments if d["flow"] == flow)


def changed(tmp_path: Path, **nightly: Any) -> Path:
    document = yaml.safe_load(OURS.read_text())
    document["deployments"][0].update(nightly)
    path = tmp_path / "prefect.yaml"
    path.write_text(yaml.safe_dump(document))
    return path


def test_every_deployment_of_prefect_yaml_is_in_it_as_it_stands_there(manifest: Manifest) -> None:
    declared = yaml.safe_load(OURS.read_text())["deployments"]
    as_they_are = ("entrypoint", "description")
    assert [[d[key] for key in as_they_are] for d in manifest.deployments] == [
        [d[key] for key in as_they_are] for d in declared
    ]
    assert {d["name"] for d in manifest.deployments} == {"x"}
    nightly = one(manifest, "nightly-scan")
    assert nightly["schedules"] == [
        {"active": True, "schedule": {"cron": "0 2 * * *", "timezone": "UTC"}}
    ]
    assert nightly["concurrency_limit"] == 1
    assert nightly["concurrency_options"] == {"collision_strategy": "CANCEL_NEW"}
    assert one(manifest, "scan-vulnerabilities")["schedules"][0]["active"] is False


def test_its_variables_are_those_of_the_stage() -> None:
    prefect = configured(home="/srv/wickie", config="etc/wickie.yaml")
    nightly = one(build_manifest(prefect, OURS), "nightly-scan")
    assert nightly["work_pool_name"] == "wickie-x"
    assert nightly["tags"] == ["wickie", "wickie-x"]
    assert nightly["parameters"] == {"config": "etc/wickie.yaml"}
    (pull,) = nightly["pull_steps"]
    assert list(pull.values()) == [{"directory": "/srv/wickie"}]


def test_what_a_flow_takes_is_known_without_the_flow(manifest: Manifest) -> None:
    rotate = one(manifest, "rotate")
    assert rotate["flow"] == "rotate"
    reason = rotate["parameter_openapi_schema"]["properties"]["reason"]
    assert reason["enum"] == ["requested", "leak"]


def test_the_same_files_make_the_same_manifest_and_it_can_be_read_again(
    manifest: Manifest,
) -> None:
    again = build_manifest(configured(), OURS)
    assert again.to_json() == manifest.to_json()
    assert Manifest.parse(manifest.to_json()).to_json() == manifest.to_json()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"triggers": []}, "nightly_scan.py:nightly_scan: registration does not know triggers"),
        ({"entrypoint": "flows/new.py:new"}, "flows/new.py:new is new; run python -m flows"),
        ({"parameters": {"config": "{{ $HOME }}"}}, r"registration knows no \$HOME; it knows"),
    ],
    ids=["unknown key", "unknown flow", "unknown variable"],
)
def test_what_it_would_leave_out_is_refused(
    tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        build_manifest(configured(), changed(tmp_path, **change))


def test_a_missing_prefect_yaml_is_told_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="run this in a checkout of wickie"):
        build_manifest(configured(), tmp_path / "prefect.yaml")


def test_the_backend_says_which_kind_of_work_pool(manifest: Manifest) -> None:
    assert (manifest.pool_type, manifest.credentials, manifest.filled) == ("ecs", None, {})
    pushed = build_manifest(configured(backend="cloud-push", api_key_secret="prefect/key"), OURS)
    assert (pushed.pool_type, pushed.credentials) == ("ecs:push", "wickie-x-pusher")
    ((secret, (block,)),) = pushed.filled.items()
    assert secret == "wickie/x/pusher"
    assert block["block"] == "aws-credentials/wickie-x-pusher"
    assert block["api_key"] == "prefect/key"


def test_a_crashed_run_starts_upkeep_unless_it_is_upkeep(manifest: Manifest) -> None:
    (crashed,) = (a for a in manifest.automations if a["name"] == "wickie-x-crashed")
    watched = json.dumps(crashed["trigger"]["match_related"])
    assert "deployment/nightly-scan/x" in watched
    assert "deployment/upkeep/x" not in watched
    (action,) = crashed["actions"]
    assert action["deployment_id"] == {"$id": "deployment/upkeep/x"}


def test_what_is_read_at_once_by_an_api_is_a_limit_of_prefects() -> None:
    config = configured().model_copy(update={"scan": Scan(at_once={"lambda": 2})})
    assert build_manifest(config, OURS).limits == {"wickie-x-lambda": 2}


def test_an_event_starts_a_flow_of_its_stage_or_what_it_names_whole() -> None:
    def registered(deployment: str) -> str:
        event = EventRule(name="e", pattern={"source": ["a"]}, deployment=deployment)
        build_manifest(configured().model_copy(update={"events": (event,)}), OURS)
        return event.start("x").deployment

    assert (registered("rotate"), registered("theirs/own")) == ("rotate/x", "theirs/own")
    with pytest.raises(ConfigError, match=r"e: no flow is called nightly; use one of nightly-scan"):
        registered("nightly")


def test_people_are_told_where_wickie_yaml_names_a_block() -> None:
    told = build_manifest(configured(notify="slack-webhook/oncall"), OURS)
    (notify,) = (a for a in told.automations if a["name"] == "wickie-x-notify")
    assert {e.rpartition(".")[2] for e in notify["trigger"]["expect"]} == {
        "Crashed",
        "Failed",
        "Late",
    }
