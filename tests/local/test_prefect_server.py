"""`cdk deploy` brings up a Prefect server of the stage's own, tells it of flows, and runs one."""

from __future__ import annotations

import json
from base64 import b64encode
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from local import access
from local.policies.deployed import Account
from local.server import LocalAws
from local.world import ACCOUNT, REGION
from tests.local.cdk import Cli, synthesised
from tests.until import until

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

ROOT = Path(__file__).resolve().parents[2]
CLUSTER = "wickie-test-prefect"
DATABASE = "wickie/test/prefect-database"
FINAL = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")


@dataclass
class Stage:
    """A stage, and how to ask its own server; in AWS only its functions and flows get there."""

    cli: Cli
    app: str

    def cdk(self, command: str, *options: str) -> str:
        return self.cli.works(command, "--all", "--app", self.app, *options)

    def client(self, service: str) -> Any:
        return self.cli.aws.world.client(service)

    @property
    def auth(self) -> str:
        value = self.client("secretsmanager").get_secret_value(SecretId="wickie/test/prefect-auth")
        return str(value["SecretString"])

    def answered(self, path: str, body: object = None, *, auth: str | None = None) -> Any:
        """What the server answers, None while it does not."""
        key = b64encode((self.auth if auth is None else auth).encode()).decode()
        method = "GET" if body is None else "POST"
        try:
            return httpx.request(
                method,
                f"http://127.0.0.1:4200/api{path}",
                json=body,
                headers={"Authorization": f"Basic {key}"},
                timeout=30,
            )
        except httpx.TransportError:
            return None

    def found(self, path: str, body: object = None) -> Any:
        return self.answered(path, body).raise_for_status().json()

    def tasks(self, service: str) -> list[str]:
        listed = self.client("ecs").list_tasks(cluster=CLUSTER, serviceName=service)
        return list(listed["taskArns"])

    def completes(self, deployment: str) -> None:
        """Start a run of it, and see it through."""
        id_ = self.found(f"/deployments/name/{deployment}")["id"]
        run = self.found(f"/deployments/{id_}/create_flow_run", {})["id"]

        def ended() -> Any:
            state = self.found(f"/flow_runs/{run}")["state"]
            return state if state["type"] in FINAL else None

        state = until(ended, 240)
        assert state["type"] == "COMPLETED", state


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    home = tmp_path_factory.mktemp("hosted")
    with ExitStack() as stack:
        aws = stack.enter_context(LocalAws())
        config = home / "wickie.yaml"
        prefect = {"backend": "self-hosted", "server": {}, "home": str(ROOT)}
        wanted = {
            "stage": "test",
            "retain": False,
            "prefect": {**prefect, "config": str(config)},
            "network": _network(aws.world.client("ec2")),
        }
        config.write_text(json.dumps(wanted))
        cli = Cli(aws, home)
        cli.works("bootstrap", f"aws://{ACCOUNT}/{REGION}")
        yield Stage(cli, synthesised(config, home / "cdk.out"))


def _network(ec2: Any) -> dict[str, Any]:
    """A VPC of the customer's, with subnets in two zones."""
    vpc = ec2.create_vpc(CidrBlock="10.8.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.8.{n}.0/24", AvailabilityZone=f"{REGION}{zone}")
        for n, zone in enumerate("ab")
    ]
    group = ec2.create_security_group(GroupName="out", Description="out", VpcId=vpc)["GroupId"]
    ids = [subnet["Subnet"]["SubnetId"] for subnet in subnets]
    return {"vpc_id": vpc, "subnets": ids, "security_groups": [group]}


def test_it_is_deployed_knows_the_stage_and_asks_who_asks(stage: Stage) -> None:
    stage.cdk("deploy", "--require-approval", "never")
    assert stage.found("/work_pools/wickie-test")["type"] == "ecs"
    assert stage.answered("/work_pools/wickie-test", auth="guessed").status_code == 401


def test_it_runs_flows_starts_anew_with_another_password_and_goes(stage: Stage) -> None:
    stage.completes("upkeep/test")
    _shows_no_password(stage)

    again = stage.cdk("deploy", "--require-approval", "never")
    assert again.count("(no changes)") == 7
    stage.cdk("diff", "--fail")
    _starts_anew_with_the_password_that_wickie_has_made(stage)
    stage.completes("upkeep/test")
    _did_what_its_policies_allow_and_most_of_that(stage)

    stage.cdk("destroy", "--force")
    assert stage.answered("/health", auth="") is None
    assert stage.client("rds").describe_db_instances()["DBInstances"] == []


def _shows_no_password(stage: Stage) -> None:
    """Neither the server's and worker's tasks nor those of flows show what they were handed."""
    ecs, shown = stage.client("ecs"), ""
    for cluster in ecs.list_clusters()["clusterArns"]:
        for status in ("RUNNING", "STOPPED"):
            if arns := ecs.list_tasks(cluster=cluster, desiredStatus=status)["taskArns"]:
                shown += json.dumps(ecs.describe_tasks(cluster=cluster, tasks=arns), default=str)
    assert "http://prefect.wickie-test.internal:4200/api" in shown
    assert stage.auth not in shown


def _starts_anew_with_the_password_that_wickie_has_made(stage: Stage) -> None:
    manager = stage.client("secretsmanager")
    before, old = stage.tasks("server"), _password(manager)
    manager.rotate_secret(SecretId=DATABASE)
    until(lambda: _password(manager) != old, 60)
    until(lambda: (now := stage.tasks("server")) and now != before, 120)
    until(lambda: (reply := stage.answered("/health")) and reply.status_code == 200, 120)
    assert stage.found("/deployments/name/upkeep/test")["name"] == "test"


def _did_what_its_policies_allow_and_most_of_that(stage: Stage) -> None:
    """Of the whole stage nothing would have been refused; the worker has used all but this."""
    world = stage.cli.aws.world
    account = Account(world.client)
    assert access.refused(world.endpoint, account) == []
    (worker,) = (role for role in account.roles() if "WorkerTaskRole" in role)
    unused = account.unused(access.recorded(world.endpoint), [worker])
    assert {grant.action for grant in unused} == {
        "sqs:ChangeMessageVisibility",  # of a message that it could not deal with
        "ecs:StopTask",  # of a run that somebody cancels
        "ecs:TagResource",  # asked by AWS within RunTask and RegisterTaskDefinition, not by a call
    }


def _password(manager: Any) -> str:
    return str(json.loads(manager.get_secret_value(SecretId=DATABASE)["SecretString"])["password"])
