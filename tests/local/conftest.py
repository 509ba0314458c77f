"""A local AWS for one module of tests, and short ways to put functions and queues into it."""

from __future__ import annotations

import io
import json
import uuid
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from local import rotation
from local.server import LocalAws
from local.world import ACCOUNT
from tests.local.fargate import Fargate
from tests.local.rotating import PRINCIPAL, ROTATOR, Secret
from tests.local.stacks import Stacks, in_process
from tests.until import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class Account:
    """The local AWS's account, as its owner sets it up."""

    def __init__(self, aws: LocalAws) -> None:
        self.aws = aws
        self.clock = aws.world.clock
        self.client: Callable[[str], Any] = aws.world.client

    def function(self, code: str, **settings: Any) -> str:
        """Create a function of a fresh name from the source of its index.py; return its ARN."""
        role = f"role-{uuid.uuid4().hex}"
        trust = '{"Version": "2012-10-17", "Statement": []}'
        arn = self.client("iam").create_role(RoleName=role, AssumeRolePolicyDocument=trust)
        return self.client("lambda").create_function(  # type: ignore[no-any-return]
            **{
                "FunctionName": f"function-{uuid.uuid4().hex}",
                "Runtime": "python3.13",
                "Handler": "index.handler",
                "Role": arn["Role"]["Arn"],
                "Code": {"ZipFile": zipped(code)},
            }
            | settings
        )["FunctionArn"]

    def permit(self, function: str, principal: str, source_account: str = ACCOUNT) -> None:
        """Let a service invoke a function."""
        self.client("lambda").add_permission(
            FunctionName=function,
            StatementId=uuid.uuid4().hex,
            Action="lambda:InvokeFunction",
            Principal=principal,
            SourceAccount=source_account,
        )

    def queue(self) -> Queue:
        """Create a queue."""
        return Queue(self.client("sqs"))

    def log(self, function: str) -> str:
        """All that a function has logged."""
        logs, group = self.client("logs"), f"/aws/lambda/{function.rsplit(':', 1)[1]}"
        return "\n".join(
            event["message"]
            for stream in logs.describe_log_streams(logGroupName=group)["logStreams"]
            for event in logs.get_log_events(
                logGroupName=group, logStreamName=stream["logStreamName"]
            )["events"]
        )


class Queue:
    """A queue, and what arrives in it."""

    def __init__(self, sqs: Any) -> None:
        self._sqs = sqs
        self.url = sqs.create_queue(QueueName=f"queue-{uuid.uuid4().hex}")["QueueUrl"]
        attributes = sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])
        self.arn = attributes["Attributes"]["QueueArn"]

    def next(self) -> Any:
        """The next message's JSON; fails if none comes."""
        asked = {"QueueUrl": self.url, "WaitTimeSeconds": 1}
        (message,) = until(lambda: self._sqs.receive_message(**asked).get("Messages"))
        self._sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        return json.loads(message["Body"])

    def is_empty(self) -> bool:
        """Whether nothing has arrived so far."""
        return "Messages" not in self._sqs.receive_message(QueueUrl=self.url)


def zipped(code: str) -> bytes:
    """A deployment package of one module."""
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("index.py", code)
    return package.getvalue()


@pytest.fixture(scope="module")
def aws() -> Iterator[LocalAws]:
    with LocalAws() as running:
        yield running


@pytest.fixture
def account(aws: LocalAws) -> Account:
    return Account(aws)


@pytest.fixture
def fargate(aws: LocalAws) -> Fargate:
    return Fargate(aws)


@pytest.fixture
def eventually() -> Callable[[Callable[[], Any]], Any]:
    """Ask until the answer is true, for what only a look at the API can tell."""
    return until


@pytest.fixture
def stacks(tmp_path: Path) -> Iterator[Stacks]:
    with in_process(tmp_path) as stacks:
        yield stacks


@pytest.fixture
def read(stacks: Stacks) -> Any:
    """Read an SSM parameter; None if there is none."""

    def value(name: str) -> str | None:
        try:
            return str(stacks.client("ssm").get_parameter(Name=name)["Parameter"]["Value"])
        except ClientError:
            return None

    return value


@pytest.fixture(scope="module")
def rotator(aws: LocalAws) -> str:
    """The ARN of a function that rotates as AWS's own do."""
    account = Account(aws)
    arn = account.function(ROTATOR, Timeout=30)
    account.permit(arn, PRINCIPAL)
    return arn


@pytest.fixture
def secret(account: Account, rotator: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Secret]:
    monkeypatch.setattr(rotation, "RETRY_AFTER", (0.01, 0.01))
    queue, rule = account.queue(), f"rule-{uuid.uuid4().hex}"
    made = Secret(account, rotator, queue)
    pattern = {"detail": {"additionalEventData": {"SecretId": [made.arn]}}}
    events = account.client("events")
    events.put_rule(Name=rule, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=rule, Targets=[{"Id": "queue", "Arn": queue.arn}])
    yield made
    made.manager.delete_secret(SecretId=made.arn, ForceDeleteWithoutRecovery=True)
