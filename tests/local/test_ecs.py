"""ECS tasks of the local AWS run, end, log and tell of it, as in AWS."""

from __future__ import annotations

import json
import secrets
import sys
from typing import Any

import psutil
import pytest
from botocore.exceptions import ClientError

from tests.local.fargate import Fargate
from tests.until import until

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("code", [0, 3])
def test_a_task_ends_with_the_exit_code_of_its_command(fargate: Fargate, code: int) -> None:
    arn = fargate.run(fargate.define(f"exit {code}"))
    task = fargate.reached(arn, "STOPPED")
    assert task["containers"][0]["exitCode"] == code
    assert task["stopCode"] == "EssentialContainerExited"
    assert task["stoppedReason"] == "Essential container in task exited"
    assert task["createdAt"] <= task["startedAt"] <= task["stoppedAt"]


def test_describing_a_task_does_not_move_it_on(fargate: Fargate) -> None:
    arn = fargate.run(fargate.define("sleep 60"))
    fargate.reached(arn, "RUNNING")
    assert {fargate.task(arn)["lastStatus"] for _ in range(10)} == {"RUNNING"}
    fargate.ecs.stop_task(cluster=fargate.cluster, task=arn)


def test_a_stopped_task_gets_sigterm_and_may_end_in_its_own_way(fargate: Fargate) -> None:
    script = "trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done"
    arn = fargate.run(fargate.define(script, logConfiguration=fargate.log()))
    fargate.reached(arn, "RUNNING")
    until(lambda: fargate.logged(arn))
    fargate.ecs.stop_task(cluster=fargate.cluster, task=arn, reason="enough")
    task = fargate.reached(arn, "STOPPED")
    assert task["containers"][0]["exitCode"] == 7
    assert (task["stopCode"], task["stoppedReason"]) == ("UserInitiated", "enough")


def test_a_task_that_ignores_sigterm_is_killed_after_its_stop_timeout(fargate: Fargate) -> None:
    script = "trap '' TERM; echo ready; while :; do sleep 0.05; done"
    arn = fargate.run(fargate.define(script, stopTimeout=1, logConfiguration=fargate.log()))
    fargate.reached(arn, "RUNNING")
    until(lambda: fargate.logged(arn))
    fargate.ecs.stop_task(cluster=fargate.cluster, task=arn)
    assert fargate.reached(arn, "STOPPED")["containers"][0]["exitCode"] == 137


@pytest.mark.parametrize("stopped", [True, False])
def test_what_a_container_started_in_other_sessions_ends_with_it(
    fargate: Fargate, *, stopped: bool
) -> None:
    mark = f"7{secrets.randbelow(10**6):06}"
    script = f"setsid sleep {mark} & echo started; sleep {600 if stopped else 1}"
    arn = fargate.run(fargate.define(script, logConfiguration=fargate.log()))

    def sleepers() -> list[psutil.Process]:
        return [p for p in psutil.process_iter(["cmdline"]) if mark in (p.info["cmdline"] or [])]

    until(sleepers)
    if stopped:
        fargate.ecs.stop_task(cluster=fargate.cluster, task=arn)
    fargate.reached(arn, "STOPPED")
    assert sleepers() == []


def test_stopping_an_unknown_task_is_an_invalid_parameter(fargate: Fargate) -> None:
    with pytest.raises(ClientError) as refused:
        fargate.ecs.stop_task(cluster=fargate.cluster, task="0" * 32)
    assert refused.value.response["Error"]["Code"] == "InvalidParameterException"


def test_the_log_is_readable_while_the_task_runs(fargate: Fargate) -> None:
    script = "echo first; echo second >&2; sleep 60"
    arn = fargate.run(fargate.define(script, logConfiguration=fargate.log()))
    fargate.reached(arn, "RUNNING")
    until(lambda: fargate.logged(arn) == ["first", "second"])
    assert fargate.task(arn)["lastStatus"] == "RUNNING"
    fargate.ecs.stop_task(cluster=fargate.cluster, task=arn)


def test_environment_is_the_definition_then_secrets_then_overrides_and_no_more(
    fargate: Fargate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OF_THE_HOST", "leaked")
    world, name, value = fargate.aws.world, secrets.token_hex(4), secrets.token_urlsafe(24)
    arn = world.client("secretsmanager").create_secret(
        Name=name, SecretString=json.dumps({"password": value, "port": 5432})
    )["ARN"]
    world.client("ssm").put_parameter(Name=f"/{name}/deep", Value="from-ssm", Type="SecureString")
    definition = fargate.define(
        'echo "$A,$B,$PASSWORD,$PORT,$SSM,$OF_THE_HOST"',
        environment=[{"name": "A", "value": "a"}, {"name": "B", "value": "b"}],
        secrets=[
            {"name": "PASSWORD", "valueFrom": f"{arn}:password:AWSCURRENT:"},
            {"name": "PORT", "valueFrom": f"{arn}:port::"},
            {
                "name": "SSM",
                "valueFrom": f"arn:aws:ssm:us-east-1:123456789012:parameter/{name}/deep",
            },
        ],
        logConfiguration=fargate.log(),
    )
    task = fargate.run(definition, environment=[{"name": "B", "value": "overridden"}])
    fargate.reached(task, "STOPPED")
    assert fargate.logged(task) == [f"a,overridden,{value},5432,from-ssm,"]


def test_a_secret_reference_may_name_a_version(fargate: Fargate) -> None:
    client = fargate.aws.world.client("secretsmanager")
    old, new = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
    made = client.create_secret(Name=secrets.token_hex(4), SecretString=old)
    client.put_secret_value(SecretId=made["ARN"], SecretString=new)
    for suffix, value in ((f":::{made['VersionId']}", old), ("::AWSPREVIOUS:", old), ("", new)):
        secret = {"name": "S", "valueFrom": made["ARN"] + suffix}
        assert fargate.output('echo "$S"', secrets=[secret]) == value


def test_a_task_whose_secret_lacks_the_key_fails_to_start_and_says_which(fargate: Fargate) -> None:
    value = secrets.token_urlsafe(24)
    arn = fargate.aws.world.client("secretsmanager").create_secret(
        Name=secrets.token_hex(4), SecretString=json.dumps({"password": value})
    )["ARN"]
    definition = fargate.define("true", secrets=[{"name": "S", "valueFrom": f"{arn}:pasword::"}])
    task = fargate.reached(fargate.run(definition), "STOPPED")
    assert task["stopCode"] == "TaskFailedToStart"
    assert "exitCode" not in task["containers"][0]
    assert "pasword" in task["stoppedReason"]
    assert value not in json.dumps(task, default=str)


@pytest.mark.parametrize(
    "container",
    [
        {"command": ["no-such-program"]},
        {"command": []},
        {"logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "absent"}}},
    ],
)
def test_a_task_that_cannot_start_says_why(fargate: Fargate, container: dict[str, Any]) -> None:
    task = fargate.reached(fargate.run(fargate.define("true", **container)), "STOPPED")
    assert task["stopCode"] == "TaskFailedToStart"
    assert task["stoppedReason"].startswith(("CannotStartContainer", "ResourceInitialization"))


def test_a_command_is_found_in_the_environment_wickie_runs_in(fargate: Fargate) -> None:
    command = ["python", "-c", "import sys; print(sys.prefix)"]
    assert fargate.output("", command=command) == sys.prefix


def test_a_task_acts_as_its_role(fargate: Fargate) -> None:
    role = "arn:aws:iam::123456789012:role/the-task-role"
    code = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"
    identity = fargate.output("", command=["python", "-c", code], role=role)
    assert identity.startswith("arn:aws:sts::123456789012:assumed-role/the-task-role/")


def test_every_change_of_a_task_is_an_event_on_the_bus(fargate: Fargate) -> None:
    world = fargate.aws.world
    sqs, events = world.client("sqs"), world.client("events")
    name = secrets.token_hex(4)
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
    pattern = {
        "source": ["aws.ecs"],
        "detail-type": ["ECS Task State Change"],
        "detail": {"clusterArn": [fargate.cluster_arn]},
    }
    events.put_rule(Name=name, EventPattern=json.dumps(pattern))
    target = {"Id": "queue", "Arn": attributes["Attributes"]["QueueArn"]}
    events.put_targets(Rule=name, Targets=[target])
    arn = fargate.run(fargate.define("exit 9"))
    told: list[Any] = []

    def stopped() -> bool:
        received = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)
        told.extend(json.loads(m["Body"])["detail"] for m in received.get("Messages", []))
        return any(detail["lastStatus"] == "STOPPED" for detail in told)

    until(stopped)
    statuses = [detail["lastStatus"] for detail in told]
    assert statuses == ["PROVISIONING", "PENDING", "RUNNING", "STOPPED"]
    assert {detail["taskArn"] for detail in told} == {arn}
    assert told[-1]["stopCode"] == "EssentialContainerExited"
    assert told[-1]["containers"][0]["exitCode"] == 9


def test_only_running_tasks_are_listed_unless_stopped_ones_are_asked_for(fargate: Fargate) -> None:
    ended, running = (fargate.run(fargate.define(script)) for script in ("true", "sleep 60"))
    fargate.reached(ended, "STOPPED")
    fargate.reached(running, "RUNNING")
    assert fargate.ecs.list_tasks(cluster=fargate.cluster)["taskArns"] == [running]
    stopped = fargate.ecs.list_tasks(cluster=fargate.cluster, desiredStatus="STOPPED")
    assert stopped["taskArns"] == [ended]
    fargate.ecs.stop_task(cluster=fargate.cluster, task=running)


def test_the_network_interface_goes_with_the_task(fargate: Fargate) -> None:
    fargate.reached(fargate.run(fargate.define("true")), "STOPPED")
    [subnet] = fargate.network["awsvpcConfiguration"]["subnets"]
    found = fargate.aws.world.client("ec2").describe_network_interfaces(
        Filters=[{"Name": "subnet-id", "Values": [subnet]}]
    )
    assert found["NetworkInterfaces"] == []
