"""Messages of a queue reach a function, and what it fails on is tried again, then set aside."""

from __future__ import annotations

import json
import secrets
from typing import Any

import pytest

from local.world import ACCOUNT, REGION
from tests.local.conftest import Account
from tests.until import until

pytestmark = pytest.mark.slow

CODE = """
def handler(event, context):
    for record in event["Records"]:
        assert record["eventSource"] == "aws:sqs"
        print("got", record["body"])
        assert record["body"] != "bad"
"""


class Fed:
    """A function that is fed from a queue, with a second one for what it failed on twice."""

    def __init__(self, account: Account) -> None:
        self.client = account.client
        self.sqs: Any = account.client("sqs")
        name = secrets.token_hex(4)
        arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
        self.dead_arn = f"{arn}-dlq"
        self.dead = self.sqs.create_queue(QueueName=f"{name}-dlq")["QueueUrl"]
        redrive = {"deadLetterTargetArn": self.dead_arn, "maxReceiveCount": 2}
        attributes = {"VisibilityTimeout": "1", "RedrivePolicy": json.dumps(redrive)}
        self.url = self.sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        function = account.function(CODE)
        self.name = function.rpartition(":")[2]
        account.client("lambda").create_event_source_mapping(
            FunctionName=function, EventSourceArn=arn, BatchSize=1
        )

    def send(self, body: str) -> None:
        self.sqs.send_message(QueueUrl=self.url, MessageBody=body)

    def got(self, body: str) -> int:
        group = f"/aws/lambda/{self.name}"
        logs = self.client("logs")
        if not logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
            return 0
        events = logs.filter_log_events(logGroupName=group)["events"]
        return sum(event["message"].strip() == f"got {body}" for event in events)

    def waiting(self, url: str) -> tuple[str, str]:
        """How many messages are visible, and how many are being worked on."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return found[names[0]], found[names[1]]


@pytest.fixture
def fed(account: Account) -> Fed:
    return Fed(account)


def test_a_message_is_handed_over_once_and_deleted(fed: Fed) -> None:
    fed.send("good")
    until(lambda: fed.got("good"))
    until(lambda: fed.waiting(fed.url) == ("0", "0"))
    assert fed.got("good") == 1


def test_what_fails_is_tried_again_set_aside_and_comes_back_when_it_is_moved(fed: Fed) -> None:
    fed.send("bad")
    until(lambda: fed.waiting(fed.dead) == ("1", "0"))
    assert fed.got("bad") == 2
    fed.sqs.start_message_move_task(SourceArn=fed.dead_arn)
    until(lambda: fed.got("bad") > 2)
