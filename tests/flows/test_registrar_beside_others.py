"""Several stages, and others, have one Prefect server: what is theirs stays as it is."""

from __future__ import annotations

import secrets
from dataclasses import replace
from pathlib import Path

import pytest

from tests.flows.registering import POOL, manifest, register
from wickie.dispatch import Start, started
from wickie.errors import ConfigError
from wickie.prefect import PrefectServer
from wickie.registration.manifest import Manifest
from wickie.registration.registrar import Registrar
from wickie.registration.removal import unregister

NOTIFY = "wickie-x-notify"

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("prefect")]


def test_two_stages_live_on_one_server_and_go_each_by_itself(
    server: PrefectServer, ours: Manifest, few: Path
) -> None:
    dev = manifest("y", few)
    register(server, ours)
    made = register(server, dev)
    assert {change.split()[0] for change in made} == {"create"}
    assert register(server, ours) == register(server, dev) == []
    assert register(server, ours, dry=True) == register(server, dev, dry=True) == []
    for stage in ("x", "y"):
        nightly = server.get(f"/deployments/name/nightly-scan/{stage}")
        assert (nightly["work_pool_name"], nightly["tags"]) == (
            f"wickie-{stage}",
            ["wickie", f"wickie-{stage}"],
        )
    _one_event_starts_a_run_of_each(server)
    server.patch("/work_pools/wickie-y", {"base_job_template": {}})
    assert register(server, ours, dry=True) == []
    gone = unregister(server, dev, POOL)
    assert len(gone) == len(made)
    assert not [thing for thing in gone if "wickie-x" in thing or thing.endswith("/x")]
    assert register(server, ours) == []
    assert unregister(server, dev, POOL) == []


def _one_event_starts_a_run_of_each(server: PrefectServer) -> None:
    """And one only: Prefect knows an idempotency key by its flow, which both have."""
    event = {"id": secrets.token_hex(8)}
    starts = [Start(f"upkeep/{stage}") for stage in ("x", "y", "x", "y")]
    runs = [started(event, "failed", start, server) for start in starts]
    assert runs[:2] == runs[2:]
    assert len(set(runs)) == 2
    pools = {server.get(f"/flow_runs/{run}")["work_pool_name"] for run in runs}
    assert pools == {"wickie-x", "wickie-y"}


def test_a_stage_of_the_same_name_in_another_account_changes_and_takes_nothing(
    server: PrefectServer, ours: Manifest
) -> None:
    register(server, ours)
    there = replace(POOL, task_role_arn=POOL.task_role_arn.replace("123456789012", "210987654321"))
    with pytest.raises(ConfigError, match="runs flows in account 123456789012, eu-west-1 already"):
        Registrar(server).register(ours, there)
    with pytest.raises(ConfigError, match="give this stage another name"):
        Registrar(server).register(ours, replace(POOL, region="eu-central-1"))
    assert unregister(server, ours, there) == []
    assert register(server, ours) == []


def test_a_deployment_of_somebody_elses_is_neither_taken_over_nor_deleted(
    server: PrefectServer, ours: Manifest
) -> None:
    server.create("/work_pools/", {"name": "theirs", "type": "process"})
    flow = server.post("/flows/", {"name": "upkeep"})
    theirs = {"name": "x", "flow_id": flow["id"], "work_pool_name": "theirs"}
    made = server.post("/deployments/", theirs)
    with pytest.raises(ConfigError, match="upkeep/x belongs to work pool theirs already"):
        register(server, ours)
    assert "deployment upkeep/x" not in unregister(server, ours, POOL)
    assert server.get(f"/deployments/{made['id']}")
    server.delete("/work_pools/theirs")
    server.delete(f"/deployments/{made['id']}")


def test_a_work_pool_of_another_type_is_left_alone(server: PrefectServer, ours: Manifest) -> None:
    server.create("/work_pools/", {"name": "wickie-x", "type": "docker"})
    with pytest.raises(ConfigError, match="is of type docker, not ecs; delete it in Prefect"):
        register(server, ours)


def test_what_a_manifest_names_no_more_ends_and_what_others_run_there_stays(
    server: PrefectServer, ours: Manifest, few: Path, tmp_path: Path
) -> None:
    flow = server.post("/flows/", {"name": "theirs"})
    told = replace(ours, automations=[*ours.automations, {**ours.automations[0], "name": NOTIFY}])
    register(server, told)
    theirs = {"name": "x", "flow_id": flow["id"], "work_pool_name": "wickie-x", "tags": ["wickie"]}
    made = server.post("/deployments/", theirs)
    head, _, upkeep = few.read_text().split("\n  - name: ")
    (tmp_path / "prefect.yaml").write_text(f"{head}\n  - name: {upkeep}")
    fewer, gone = manifest("x", tmp_path / "prefect.yaml"), "nightly-scan/x"
    ended = [f"delete automation {NOTIFY}", f"delete deployment {gone}"]
    try:
        assert [each for each in register(server, fewer, dry=True) if "delete" in each] == ended
        assert server.get(f"/deployments/name/{gone}")
        assert [each for each in register(server, fewer) if "delete" in each] == ended
        assert server.get(f"/deployments/name/{gone}") is None
        assert server.get(f"/deployments/{made['id']}")
        assert register(server, fewer) == []
    finally:
        server.delete(f"/deployments/{made['id']}")


def test_what_goes_with_a_stage_leaves_a_work_pool_that_others_use(
    server: PrefectServer, ours: Manifest
) -> None:
    register(server, ours)
    flow = server.post("/flows/", {"name": "theirs"})
    theirs = {"name": "theirs", "flow_id": flow["id"], "work_pool_name": "wickie-x"}
    made = server.post("/deployments/", theirs)
    gone = unregister(server, ours, POOL)
    assert "deployment nightly-scan/x" in gone
    assert "work pool wickie-x" not in gone
    server.delete(f"/deployments/{made['id']}")
    assert unregister(server, ours, POOL) == ["work pool wickie-x"]
    assert unregister(server, ours, POOL) == []
