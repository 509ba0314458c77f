"""Rules deliver, and schedules fire by the clock."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.local.conftest import Account

pytestmark = pytest.mark.slow

REMEMBER = """
import boto3, json
def handler(event, context):
    boto3.client("ssm").put_parameter(Name=event["id"], Value=json.dumps(event), Type="String")
"""


def rule(account: Account, *targets: dict[str, Any], **settings: Any) -> str:
    """A rule of a fresh name; without settings it waits for events whose source is its name."""
    name, events = f"rule-{uuid.uuid4().hex}", account.client("events")
    settings = settings or {"EventPattern": json.dumps({"source": [name]})}
    events.put_rule(Name=name, **settings)
    numbered = [{"Id": str(number), **target} for number, target in enumerate(targets)]
    events.put_targets(Rule=name, Targets=numbered)
    return name


def put(account: Account, source: str, **detail: Any) -> str:
    """Put one event; return its id."""
    entry = {"Source": source, "DetailType": "test", "Detail": json.dumps(detail)}
    answer = account.client("events").put_events(Entries=[entry])
    return str(answer["Entries"][0]["EventId"])


def test_an_event_reaches_a_function_that_permits_it(
    account: Account, eventually: Callable[[Callable[[], Any]], Any]
) -> None:
    function = account.function(REMEMBER, Timeout=30)
    account.permit(function, "events.amazonaws.com")
    event_id = put(account, rule(account, {"Arn": function}), number=7)
    parameters = account.client("ssm").get_parameters
    (seen,) = eventually(lambda: parameters(Names=[event_id])["Parameters"])
    event = json.loads(seen["Value"])
    assert event["detail"] == {"number": 7}
    assert event["account"] == "123456789012"
    assert event["time"].endswith("Z")


def test_an_event_that_a_function_does_not_permit_goes_to_the_dead_letter_queue(
    account: Account,
) -> None:
    queue, function = account.queue(), account.function(REMEMBER)
    target = {"Arn": function, "DeadLetterConfig": {"Arn": queue.arn}}
    put(account, rule(account, target), number=8)
    assert queue.next()["detail"] == {"number": 8}


def test_an_event_for_an_absent_function_goes_to_the_dead_letter_queue(account: Account) -> None:
    queue = account.queue()
    absent = "arn:aws:lambda:us-east-1:123456789012:function:absent"
    name = rule(account, {"Arn": absent, "DeadLetterConfig": {"Arn": queue.arn}})
    put(account, name, number=9)
    assert queue.next()["detail"] == {"number": 9}


def test_a_target_that_fails_does_not_keep_the_event_from_the_others(account: Account) -> None:
    queue = account.queue()
    absent = {"Arn": "arn:aws:lambda:us-east-1:123456789012:function:absent"}
    put(account, rule(account, absent, {"Arn": queue.arn}), number=1)
    assert queue.next()["detail"] == {"number": 1}


def test_an_event_reaches_the_subscribers_of_a_topic(account: Account) -> None:
    queue, sns = account.queue(), account.client("sns")
    topic = sns.create_topic(Name="events")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn)
    put(account, rule(account, {"Arn": topic}), number=2)
    assert json.loads(queue.next()["Message"])["detail"] == {"number": 2}


@pytest.mark.parametrize(
    ("shaping", "received"),
    [
        ({"Input": '{"fixed": true}'}, {"fixed": True}),
        ({"InputPath": "$.detail"}, {"number": 3}),
        (
            {
                "InputTransformer": {
                    "InputPathsMap": {"n": "$.detail.number"},
                    "InputTemplate": '{"says": "<n>"}',
                }
            },
            {"says": "3"},
        ),
    ],
)
def test_a_target_may_ask_for_another_shape(
    account: Account, shaping: dict[str, Any], received: Any
) -> None:
    queue = account.queue()
    put(account, rule(account, {"Arn": queue.arn, **shaping}), number=3)
    assert queue.next() == received


def test_a_disabled_rule_delivers_nothing(account: Account) -> None:
    queue = account.queue()
    name = rule(account, {"Arn": queue.arn})
    account.client("events").disable_rule(Name=name)
    put(account, name)
    assert queue.is_empty()


def test_a_schedule_fires_when_its_time_has_come(account: Account) -> None:
    queue = account.queue()
    name = rule(account, {"Arn": queue.arn}, ScheduleExpression="rate(6 hours)")
    account.clock.advance(5 * 3600)
    put(account, "someone else")
    assert queue.is_empty()
    account.clock.advance(3600)
    event = queue.next()
    assert (event["source"], event["detail-type"]) == ("aws.events", "Scheduled Event")
    assert event["resources"][0].endswith(f":rule/{name}")
    account.clock.advance(6 * 3600)
    assert queue.next()["id"] != event["id"]


def test_a_schedule_that_is_none_is_refused(account: Account) -> None:
    with pytest.raises(ClientError, match="ScheduleExpression is not valid"):
        account.client("events").put_rule(Name="none", ScheduleExpression="cron(61 * * * ? *)")


def test_a_schedule_runs_a_task(
    account: Account, eventually: Callable[[Callable[[], Any]], Any]
) -> None:
    ecs, ec2 = account.client("ecs"), account.client("ec2")
    cluster = ecs.create_cluster(clusterName="scheduled")["cluster"]["clusterArn"]
    definition = ecs.register_task_definition(
        family="scheduled",
        requiresCompatibilities=["FARGATE"],
        networkMode="awsvpc",
        cpu="256",
        memory="512",
        containerDefinitions=[{"name": "main", "image": "none", "command": ["false"]}],
    )["taskDefinition"]["taskDefinitionArn"]
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    parameters = {
        "TaskDefinitionArn": definition,
        "LaunchType": "FARGATE",
        "NetworkConfiguration": {"awsvpcConfiguration": {"Subnets": [subnet]}},
    }
    overrides = {"containerOverrides": [{"name": "main", "command": ["sh", "-c", "exit 7"]}]}
    role = "arn:aws:iam::123456789012:role/events"
    target = {"Arn": cluster, "EcsParameters": parameters, "Input": json.dumps(overrides)}
    name = rule(account, target | {"RoleArn": role}, ScheduleExpression="rate(1 day)")
    account.clock.advance(86400)

    def stopped() -> Any:
        tasks = ecs.list_tasks(cluster=cluster, desiredStatus="STOPPED")["taskArns"]
        return ecs.describe_tasks(cluster=cluster, tasks=tasks)["tasks"] if tasks else []

    (task,) = eventually(stopped)
    assert task["startedBy"] == f"events-rule/{name}"
    assert task["containers"][0]["exitCode"] == 7
