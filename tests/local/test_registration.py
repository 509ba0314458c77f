"""`cdk deploy` tells a real Prefect server of a stage; to destroy it waits for no server."""

from __future__ import annotations

import json
import uuid
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from local.prefect import EcsWorker, PrefectServer
from local.prefect_api import prefect_api
from local.server import LocalAws
from local.world import ACCOUNT, REGION
from tests.local.cdk import Cli, synthesised
from tests.local.fargate import until
from wickie.cli import app as wickie
from wickie.deployment import Deployment
from wickie.registration.work_pool import WorkPool

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

ROOT = Path(__file__).resolve().parents[2]
STACK = "WickieRegistration-test"


@dataclass
class Stage:
    """A stage that pushes, deployed by the CDK CLI, and the server that was told of it."""

    cli: Cli
    app: str
    config: Path
    server: PrefectServer
    prefect: httpx.Client

    @property
    def cluster(self) -> str:
        pool = Deployment.load(self.cli.aws.world.client("ssm"), "test").work_pool
        return WorkPool.parse(pool).cluster

    def cdk(self, command: str, *options: str) -> str:
        return self.cli.works(command, "--all", "--app", self.app, *options)

    def found(self, path: str) -> Any:
        return self.prefect.get(path).raise_for_status().json()

    def ask(self, path: str, body: object) -> Any:
        reply = self.prefect.post(path, json=body).raise_for_status()
        return reply.json() if reply.content else None

    def wickie(self, *arguments: str) -> str:
        """Run the program as on a laptop, with this stage's wickie.yaml."""
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.cli.aws.environment().items():
                patch.setenv(name, value)
            words = [*arguments, "--config", str(self.config)]
            done = CliRunner().invoke(
                wickie, [*words, "--prefect-yaml", str(ROOT / "prefect.yaml")]
            )
        assert done.exit_code == 0, done.output
        return done.output


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    home = tmp_path_factory.mktemp("registration")
    with ExitStack() as stack:
        aws = stack.enter_context(LocalAws())
        server = stack.enter_context(PrefectServer(aws.world.processes, home / "prefect"))
        key = aws.world.client("secretsmanager").create_secret(
            Name="prefect/key", SecretString="any: this server asks for none"
        )
        config = home / "wickie.yaml"
        prefect = {
            "api_url": server.api_url,
            "backend": "cloud-push",
            "api_key_secret": key["ARN"],
            "home": str(ROOT),
            "config": str(config),
        }
        config.write_text(json.dumps({"stage": "test", "retain": False, "prefect": prefect}))
        cli = Cli(aws, home)
        cli.bootstrap()
        server.wait()
        api = stack.enter_context(prefect_api(server.api_url))
        yield Stage(cli, synthesised(config, home / "cdk.out"), config, server, api)


def test_prefect_knows_a_stage_from_its_deployment_to_its_end(stage: Stage) -> None:
    stage.cdk("deploy", "--require-approval", "never")
    pool = stage.found("/work_pools/wickie-test")
    assert pool["type"] == "ecs:push"
    variables = pool["base_job_template"]["variables"]
    key = stage.cli.aws.world.client("secretsmanager").describe_secret(SecretId="prefect/key")
    assert variables["properties"]["prefect_api_key_secret_arn"]["default"] == key["ARN"]
    nightly = stage.found("/deployments/name/nightly-scan/test")
    assert nightly["work_pool_name"] == "wickie-test"
    assert [s["schedule"]["cron"] for s in nightly["schedules"]] == ["0 2 * * *"]
    _holds_the_pushers_key(stage, variables["properties"]["aws_credentials"]["default"])

    assert "0 to change" in stage.wickie("register", "--plan")
    again = stage.cdk("deploy", "--require-approval", "never")
    assert again.count("(no changes)") == 6
    assert stage.found("/deployments/name/nightly-scan/test") == nightly
    stage.cdk("diff", "--fail")

    _runs_as_it_is_registered(stage)
    _a_silent_run_is_crashed_and_upkeep_started(stage)
    stage.server.__exit__()
    stage.cdk("destroy", "--force")
    assert stage.cli.aws.world.client("iam").list_users()["Users"] == []


def _runs_as_it_is_registered(stage: Stage) -> None:
    """
    Upkeep goes through the work pool by prefect-aws's worker, which signs in with the block.

    Prefect Cloud's own pusher cannot be had here; the worker takes its type of pool, and says so.
    """
    aws = stage.cli.aws
    worker = EcsWorker(
        aws.world.processes,
        stage.server,
        stage.cli.folder / "worker",
        pool="wickie-test",
        queue="wickie-test-task-events",
        # Without a key of its own, prefect-aws breaks on prefect_api_key_secret_arn.
        aws={**aws.environment(), "PREFECT_API_KEY": "any"},
    )
    with worker:
        worker.wait()
        upkeep = stage.found("/deployments/name/upkeep/test")
        run = f"/deployments/{upkeep['id']}/create_flow_run"
        id_ = stage.ask(run, {})["id"]
        final = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
        ended = until(
            lambda: (
                s if (s := stage.found(f"/flow_runs/{id_}")["state"])["type"] in final else None
            ),
            180,
        )
    assert ended["type"] == "COMPLETED", ended
    _shows_no_key(aws.world.client("ecs"), stage.cluster)


def _a_silent_run_is_crashed_and_upkeep_started(stage: Stage) -> None:
    """By the automations, which a laptop's `wickie register` has made quicker for this."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("wickie.registration.automations._SILENT_AFTER", 10)
        told = stage.wickie("register")
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
    upkeep = stage.found("/deployments/name/upkeep/test")["id"]
    waiting = {
        "deployments": {"id": {"any_": [upkeep]}},
        "flow_runs": {"state": {"name": {"any_": ["Scheduled", "Late"]}}},
    }
    until(lambda: [r for r in stage.ask("/flow_runs/filter", waiting) if not r["auto_scheduled"]])


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
    client = stage.cli.aws.world.client
    value = client("secretsmanager").get_secret_value(SecretId="wickie/test/pusher")
    assert json.loads(value["SecretString"]) == {
        "AccessKeyId": data["aws_access_key_id"],
        "SecretAccessKey": data["aws_secret_access_key"],
    }
    (key,) = client("iam").list_access_keys(UserName="wickie-test-pusher")["AccessKeyMetadata"]
    assert key["AccessKeyId"] == data["aws_access_key_id"]
    assert data["assume_role_arn"] == f"arn:aws:iam::{ACCOUNT}:role/wickie-test-pusher"
    assert data["region_name"] == REGION
