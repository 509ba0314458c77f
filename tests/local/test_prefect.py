"""A real Prefect server and worker run flows on the local AWS's ECS, and see how they end."""

from __future__ import annotations

import json
import subprocess
import sysconfig
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.prefect import EcsWorker, PrefectServer
from local.prefect_api import prefect_api
from local.server import LocalAws
from tests.local.fargate import Fargate
from tests.local.trivial import FLOWS, prefect_yaml
from tests.until import until
from wickie.config import Config
from wickie.deployment import Deployment, parameter_name
from wickie.prefect import PrefectServer as PrefectApi
from wickie.registration.build import build_manifest
from wickie.registration.registrar import Registrar
from wickie.registration.work_pool import WorkPool

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

PROJECT = Path(__file__).resolve().parents[2]
SOON = 10
"""Seconds in which Prefect knows of a container that was killed."""
POOL = "wickie-test"
QUEUE = "wickie-test-task-events"


@dataclass
class Stage:
    """A stage with nothing in it but a work pool, and a worker that serves it."""

    aws: LocalAws
    fargate: Fargate
    server: PrefectServer
    home: Path

    def run(self, *command: str, cwd: Path = PROJECT) -> str:
        """Run a program as an operator would; returns what it printed."""
        done = subprocess.run(
            [Path(sysconfig.get_path("scripts"), command[0]), *command[1:]],
            env=self.aws.world.child_environment()
            | self.server.environment()
            | {
                "WICKIE_STAGE": "test",
                "WICKIE_HOME": str(cwd),
                "WICKIE_CONFIG": "wickie.yaml",
                "HOME": str(self.home),
            },
            cwd=cwd,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def ask(self, path: str, body: object = None, method: str = "") -> Any:
        """Call the server's API; what it answers, None if that is empty."""
        method = method or ("GET" if body is None else "POST")
        with prefect_api(self.server.api_url) as api:
            reply = api.request(method, path, json=body).raise_for_status()
        return reply.json() if reply.content else None

    def start(self, deployment: str, **parameters: Any) -> str:
        """Create a flow run; returns its id."""
        found = self.ask(f"/deployments/name/{deployment}")
        run = self.ask(
            f"/deployments/{found['id']}/create_flow_run",
            {"parameters": parameters, "state": {"type": "SCHEDULED"}},
        )
        return str(run["id"])

    def ended(self, run: str, seconds: float = 120) -> Any:
        final = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
        return until(
            lambda: r if (r := self.ask(f"/flow_runs/{run}"))["state_type"] in final else None,
            seconds,
        )

    def task_of(self, run: str) -> str:
        """The ECS task that a flow run runs in, once it does."""

        def find() -> str | None:
            ecs, cluster = self.fargate.ecs, self.fargate.cluster
            if arns := ecs.list_tasks(cluster=cluster)["taskArns"]:
                described = ecs.describe_tasks(cluster=cluster, tasks=arns, include=["TAGS"])
                tag = {"key": "prefect.io/flow-run-id", "value": run}
                return next((t["taskArn"] for t in described["tasks"] if tag in t["tags"]), None)
            return None

        return str(until(find))

    def output(self, task: str) -> str:
        """What a flow's container has written to CloudWatch Logs."""
        events = self.aws.world.client("logs").get_log_events(
            logGroupName="/wickie/test/flows",
            logStreamName=f"flows/prefect/{task.rsplit('/', 1)[-1]}",
            startFromHead=True,
        )["events"]
        return "\n".join(event["message"] for event in events)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    home = tmp_path_factory.mktemp("prefect")
    with ExitStack() as stack:
        aws = stack.enter_context(LocalAws())
        server = stack.enter_context(PrefectServer(aws.world.processes, home / "server"))
        stage = Stage(aws, Fargate(aws), server, home)
        _deploy(stage)
        server.wait()
        assert "registered" in stage.run("python", "-m", "flows.work_pool", "--stage", "test")
        worker = EcsWorker(
            aws.world.processes,
            server,
            home / "worker",
            pool=POOL,
            queue=QUEUE,
            aws=aws.environment(),
        )
        stack.enter_context(worker)
        (home / "flows").mkdir()
        (home / "flows" / "trivial.py").write_text(FLOWS)
        (home / "flows" / "prefect.yaml").write_text(prefect_yaml())
        stage.run("prefect", "--no-prompt", "deploy", "--all", cwd=home / "flows")
        worker.wait()
        yield stage


def _deploy(stage: Stage) -> None:
    """Make what the stacks make for the flows, without CloudFormation."""
    client = stage.aws.world.client
    client("logs").create_log_group(logGroupName="/wickie/test/flows")
    sqs, events = client("sqs"), client("events")
    url = sqs.create_queue(QueueName=QUEUE)["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    pattern = {
        "source": ["aws.ecs"],
        "detail-type": ["ECS Task State Change"],
        "detail": {"clusterArn": [stage.fargate.cluster_arn]},
    }
    events.put_rule(Name="task-events", EventPattern=json.dumps(pattern))
    target = {"Id": "queue", "Arn": attributes["Attributes"]["QueueArn"]}
    events.put_targets(Rule="task-events", Targets=[target])
    [subnet] = stage.fargate.network["awsvpcConfiguration"]["subnets"]
    ec2 = client("ec2")
    vpc = ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]["VpcId"]
    group = ec2.create_security_group(GroupName="flows", Description="out", VpcId=vpc)["GroupId"]
    work_pool = {
        "pool_name": POOL,
        "cluster": stage.fargate.cluster,
        "execution_role_arn": "arn:aws:iam::123456789012:role/execution",
        "task_role_arn": "arn:aws:iam::123456789012:role/task",
        "image": "registry.example/wickie@sha256:0123",
        "vpc_id": vpc,
        "subnets": [subnet],
        "security_groups": [group],
        "log_group": "/wickie/test/flows",
        "family": "wickie-test-flows",
        "region": "us-east-1",
    }
    for field in fields(Deployment):
        value = json.dumps(work_pool) if field.name == "work_pool" else "unused"
        name = parameter_name("test", field.name)
        client("ssm").put_parameter(Name=name, Value=value, Type="String")


def test_a_flow_run_goes_through_the_work_pool_and_completes(
    stage: Stage, record_property: Callable[[str, float], None]
) -> None:
    created = time.time()
    run = stage.start("hello/trivial", n=21)
    task = stage.task_of(run)
    ended = stage.ended(run)
    assert ended["state_type"] == "COMPLETED", ended["state"]
    [line] = [text for text in stage.output(task).splitlines() if text.startswith("first line")]
    record_property("seconds to the first line", float(line.split()[-1]) - created)
    described = stage.fargate.reached(task, "STOPPED")
    assert described["containers"][0]["exitCode"] == 0
    assert described["taskDefinitionArn"].endswith("task-definition/wickie-test-flows:1")


def test_a_killed_container_is_a_crashed_flow_run(stage: Stage) -> None:
    run = stage.start("sleeps/trivial")
    task = stage.task_of(run)
    until(lambda: "asleep" in stage.output(task))
    stage.aws.world.processes.kill("LOCAL_ECS_TASK", task.rsplit("/", 1)[-1])
    ended = stage.ended(run, SOON)
    assert ended["state_type"] == "CRASHED"
    assert stage.fargate.reached(task, "STOPPED")["containers"][0]["exitCode"] == 137


def test_a_stopped_task_rolls_back_what_it_half_did_and_its_run_begins_anew(stage: Stage) -> None:
    run = stage.start("stopped/trivial")
    task = stage.task_of(run)
    until(lambda: "half done" in stage.output(task))
    stage.fargate.ecs.stop_task(cluster=stage.fargate.cluster, task=task)
    ended = stage.ended(run)
    assert ended["state_type"] == "COMPLETED", ended["state"]
    assert "undone" in stage.output(task)
    assert ended["run_count"] == 2
    assert ended["infrastructure_pid"].rpartition("::")[2] != task


def test_all_flows_of_one_pool_share_one_revision_of_the_task_definition(stage: Stage) -> None:
    arns = stage.fargate.ecs.list_task_definitions(familyPrefix="wickie-test-flows")
    assert len(arns["taskDefinitionArns"]) == 1


def test_what_does_not_hear_that_it_is_to_stop_is_killed_and_its_run_begins_anew(
    stage: Stage,
) -> None:
    pool = stage.ask(f"/work_pools/{POOL}")["base_job_template"]
    (container,) = pool["job_configuration"]["task_definition"]["containerDefinitions"]
    assert container["stopTimeout"] == 120, "Fargate's most"
    run = stage.start("deaf/trivial")
    task = stage.task_of(run)
    until(lambda: "deaf" in stage.output(task))
    stage.fargate.ecs.stop_task(cluster=stage.fargate.cluster, task=task)
    ended = stage.ended(run, 240)
    assert (ended["state_type"], ended["run_count"]) == ("COMPLETED", 2), ended["state"]
    assert ended["infrastructure_pid"].rpartition("::")[2] != task
    stage.fargate.reached(task, "STOPPED")


def test_registering_the_work_pool_again_keeps_what_an_operator_set(stage: Stage) -> None:
    pool = f"/work_pools/{POOL}"
    stage.ask(pool, {"concurrency_limit": 3}, "PATCH")
    before = stage.ask(pool)
    stage.run("python", "-m", "flows.work_pool", "--stage", "test")
    after = stage.ask(pool)
    assert (after["id"], after["concurrency_limit"]) == (before["id"], 3)
    assert after["base_job_template"] == before["base_job_template"]


def test_a_stage_that_is_not_deployed_is_named_in_one_line(stage: Stage) -> None:
    with pytest.raises(AssertionError, match="error: stage absent is not deployed here"):
        stage.run("python", "-m", "flows.work_pool", "--stage", "absent")


def test_deploy_all_registers_the_nightly_scan_and_the_rotation(stage: Stage) -> None:
    stage.run("prefect", "--no-prompt", "deploy", "--all")
    nightly = stage.ask("/deployments/name/nightly-scan/test")
    [schedule] = nightly["schedules"]
    assert schedule["schedule"]["cron"] == "0 2 * * *"
    assert schedule["schedule"]["timezone"] == "UTC"
    assert nightly["global_concurrency_limit"]["limit"] == 1
    assert nightly["concurrency_options"]["collision_strategy"] == "CANCEL_NEW"
    assert nightly["parameters"] == {"config": "wickie.yaml"}
    assert (nightly["work_pool_name"], nightly["enforce_parameter_schema"]) == (POOL, True)
    [pull] = nightly["pull_steps"]
    step = pull["prefect.deployments.steps.set_working_directory"]
    assert step["directory"] == str(PROJECT)
    _is_what_registration_would_make(stage)
    on_demand = stage.ask("/deployments/name/rotate/test")
    assert on_demand["schedules"] == []
    with pytest.raises(httpx.HTTPStatusError) as refused:
        stage.start("rotate/test", secret="shop/db", reason="boredom")
    assert refused.value.response.status_code == 409


def _is_what_registration_would_make(stage: Stage) -> None:
    """So what runs here through the worker runs where `cdk deploy` has registered it too."""
    prefect = {
        "api_url": stage.server.api_url,
        "backend": "self-hosted",
        "home": str(PROJECT),
    }
    config = Config.model_validate({"stage": "test", "prefect": prefect})
    pool = Deployment.load(stage.aws.world.client("ssm"), "test").work_pool
    registrar = Registrar(PrefectApi(stage.server.api_url), dry=True)
    changes = registrar.register(
        build_manifest(config, PROJECT / "prefect.yaml"), WorkPool.parse(pool)
    )
    assert {(c.what.split()[0], c.action, c.fields) for c in changes} == {
        ("work", "update", ("description",)),
        ("automation", "create", ()),
    }
