"""`cdk deploy` tells a real Prefect server of stages; to destroy one waits for no server."""

from __future__ import annotations

import json
import secrets
import time
import uuid
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from local.prefect import PrefectServer
from local.prefect_api import prefect_api
from local.server import LocalAws
from local.world import ACCOUNT, REGION
from tests.local.cdk import Cli
from tests.local.registered import ROOT, Place, Stage
from tests.until import until

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SOON = 10
"""Seconds in which Prefect knows of a container that was killed."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    home = tmp_path_factory.mktemp("registration")
    with ExitStack() as stack:
        aws = stack.enter_context(LocalAws())
        server = stack.enter_context(PrefectServer(aws.world.processes, home / "prefect"))
        cli = Cli(aws, home)
        cli.bootstrap()
        server.wait()
        yield Place(cli, server, stack.enter_context(prefect_api(server.api_url)))


@pytest.fixture(scope="module")
def stage(place: Place) -> Stage:
    """One whose containers Prefect Cloud starts."""
    key = place.cli.aws.world.client("secretsmanager").create_secret(
        Name="prefect/key", SecretString="any: this server asks for none"
    )
    stage = place.stage("test", {"backend": "cloud-push", "api_key_secret": key["ARN"]})
    stage.cdk("deploy", "--require-approval", "never")
    return stage


def test_prefect_knows_a_stage_once_it_is_deployed(stage: Stage) -> None:
    pool = stage.found("/work_pools/wickie-test")
    assert pool["type"] == "ecs:push"
    variables = pool["base_job_template"]["variables"]
    key = stage.client("secretsmanager").describe_secret(SecretId="prefect/key")
    assert variables["properties"]["prefect_api_key_secret_arn"]["default"] == key["ARN"]
    nightly = stage.found("/deployments/name/nightly-scan/test")
    assert nightly["work_pool_name"] == "wickie-test"
    assert [s["schedule"]["cron"] for s in nightly["schedules"]] == ["0 2 * * *"]
    _holds_the_pushers_key(stage, variables["properties"]["aws_credentials"]["default"])

    assert "0 to change" in stage.register("--plan")
    again = stage.cdk("deploy", "--require-approval", "never")
    assert again.count("(no changes)") == 6
    assert stage.found("/deployments/name/nightly-scan/test") == nightly
    stage.cdk("diff", "--fail")


def test_its_runs_end_as_their_containers_do(stage: Stage) -> None:
    """
    They go through the work pool by prefect-aws's worker, which signs in with the block.

    Prefect Cloud's own pusher cannot be had here; the worker takes its type of pool, and says so.
    Of killed containers it hears nothing, as Cloud does not: its queue is nobody's.
    """
    with stage.worker(queue="nobody") as worker:
        worker.wait()
        told = stage.wickie("trigger", "upkeep/test", "--wait", "--timeout", "3m")
        assert ": Completed: " in told
        _shows_no_key(stage.client("ecs"), stage.cluster)
        assert stage.killed(stage.start("upkeep")) < SOON


def test_a_silent_run_is_crashed_and_upkeep_started(stage: Stage) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("wickie.registration.automations._SILENT_AFTER", 10)
        told = stage.register()
    assert "update automation wickie-test-silent (trigger, actions)\n" in told
    assert "1 changed at Prefect" in told
    nightly = stage.found("/deployments/name/nightly-scan/test")["id"]
    running = {"state": {"type": "RUNNING"}}
    run = stage.ask(f"/deployments/{nightly}/create_flow_run", running)
    sign_of_life = {
        "id": str(uuid.uuid4()),
        "event": "prefect.flow-run.heartbeat",
        "occurred": datetime.now(UTC).isoformat(),
        "resource": {"prefect.resource.id": f"prefect.flow-run.{run['id']}"},
        "related": [
            {
                "prefect.resource.id": f"prefect.deployment.{nightly}",
                "prefect.resource.role": "deployment",
            }
        ],
    }
    stage.ask("/events", [sign_of_life])
    until(lambda: stage.found(f"/flow_runs/{run['id']}")["state"]["type"] == "CRASHED")
    _upkeep_was_started(stage)
    assert "1 changed at Prefect" in stage.register()  # as slow as it was


def test_what_a_webhook_makes_of_an_event_starts_the_run_that_the_page_says(stage: Stage) -> None:
    page = (ROOT / "docs/events.md").read_text()
    automation = yaml.safe_load(page.split("```yaml\n")[2].split("```")[0])
    (action,) = automation["actions"]
    action["deployment_id"] = stage.found("/deployments/name/rotate/test")["id"]
    stage.ask("/automations/", automation)
    event = {
        "event": "wickie.secret-found",
        "occurred": datetime.now(UTC).isoformat(),
        "resource": {"prefect.resource.id": "aws.event.7f0f", "secret": "arn:of:it"},
    }

    def started() -> Any:
        # A moment after it was made an automation hears of events.
        stage.ask("/events", [{**event, "id": str(uuid.uuid4())}])
        time.sleep(2)
        of_it = {"deployments": {"id": {"any_": [action["deployment_id"]]}}}
        return [run["parameters"] for run in stage.ask("/flow_runs/filter", of_it)]

    given, *_ = until(started)
    assert (given["secret"], given["reason"]) == ("arn:of:it", "leak")


def test_another_stage_with_a_worker_of_its_own_lives_beside_it_and_goes_alone(
    place: Place, stage: Stage
) -> None:
    key = json.dumps({"kid": "first", "k": secrets.token_urlsafe(32)})
    first = stage.client("secretsmanager").create_secret(Name="own/key", SecretString=key)
    managed = {"name": "own/key", "engine": "signing-key", "strategy": "dual-key"}
    own = place.stage("own", {"backend": "self-hosted"}, secrets=[managed])
    own.cdk("deploy", "--require-approval", "never")
    assert own.found("/work_pools/wickie-own")["type"] == "ecs"
    for each in (own, stage):
        assert "0 to change" in each.register("--plan")
    with own.worker(queue="wickie-own-task-events") as worker:
        worker.wait()
        _a_stopped_rotation_is_gone_on_with(own, first["VersionId"])
        assert own.killed(own.start("rotate", secret="own/key")) < SOON
        _upkeep_was_started(own)
    own.cdk("destroy", "--force")
    assert "0 to change" in stage.register("--plan")
    for path in ("/work_pools/wickie-own", "/deployments/name/rotate/own"):
        assert place.prefect.get(path).status_code == 404


def _a_stopped_rotation_is_gone_on_with(own: Stage, leaked: str) -> None:
    """
    StopTask in its midst, as Spot or a person does: Prefect runs it again, to its end.

    Of a signing key whose consumers cannot be asked that is no proof, and so said.
    """

    def versions() -> Any:
        return own.client("secretsmanager").describe_secret(SecretId="own/key")[
            "VersionIdsToStages"
        ]

    run = own.start("rotate", secret="own/key", reason="leak", version=leaked)
    task = own.task_of(run)
    until(lambda: len(versions()) > 1)
    own.client("ecs").stop_task(cluster=own.cluster, task=task, reason="a test's")
    assert own.task_of(run, task) != task
    ended = own.ended(run, 180)
    assert "could not be proven dead (it carries no label" in ended["message"], ended
    stages = [stage for found in versions().values() for stage in found]
    assert "AWSPENDING" not in stages
    assert "AWSCURRENT" not in versions().get(leaked, [])


def _upkeep_was_started(stage: Stage) -> None:
    deployment = stage.found(f"/deployments/name/upkeep/{stage.name}")["id"]
    of_it = {"deployments": {"id": {"any_": [deployment]}}}

    def by_automation() -> bool:
        makers = [run["created_by"] or {} for run in stage.ask("/flow_runs/filter", of_it)]
        return "AUTOMATION" in [maker.get("type") for maker in makers]

    until(by_automation)


def test_to_destroy_a_stage_waits_for_no_server(place: Place, stage: Stage) -> None:
    assert stage.client("iam").list_users()["Users"] != []
    place.server.__exit__()
    stage.cdk("destroy", "--force")
    assert stage.client("iam").list_users()["Users"] == []


def _shows_no_key(ecs: Any, cluster: str) -> None:
    """ECS handed it to the container; whoever may describe tasks does not see it."""
    stopped = until(lambda: ecs.list_tasks(cluster=cluster, desiredStatus="STOPPED")["taskArns"])
    described = json.dumps(ecs.describe_tasks(cluster=cluster, tasks=stopped), default=str)
    assert "PREFECT_API_URL" in described
    assert "any: this server" not in described


def _holds_the_pushers_key(stage: Stage, credentials: dict[str, Any]) -> None:
    """The block that runs are pushed with has the one key of the user, and assumes the role."""
    block = credentials["$ref"]["block_document_id"]
    data = stage.found(f"/block_documents/{block}?include_secrets=true")["data"]
    client = stage.client
    value = client("secretsmanager").get_secret_value(SecretId="wickie/test/pusher")
    assert json.loads(value["SecretString"]) == {
        "AccessKeyId": data["aws_access_key_id"],
        "SecretAccessKey": data["aws_secret_access_key"],
    }
    (key,) = client("iam").list_access_keys(UserName="wickie-test-pusher")["AccessKeyMetadata"]
    assert key["AccessKeyId"] == data["aws_access_key_id"]
    assert data["assume_role_arn"] == f"arn:aws:iam::{ACCOUNT}:role/wickie-test-pusher"
    assert data["region_name"] == REGION
