"""A secret under rotation in the local AWS, and who tells its function to fail or to wait."""

from __future__ import annotations

import json
import secrets
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.local.conftest import Account, Queue

PRINCIPAL = "secretsmanager.amazonaws.com"
EVERY_TEN_DAYS = {"ScheduleExpression": "rate(10 days)", "Duration": "3h"}
DAY = 86400

# The shape of AWS's own templates. It fails or waits where a parameter named after the secret asks.
ROTATOR = """
import json, secrets, time
import boto3

def handler(event, context):
    print(json.dumps(event))
    manager, parameters = boto3.client("secretsmanager"), boto3.client("ssm")
    arn, token, step = event["SecretId"], event["ClientRequestToken"], event["Step"]
    described = manager.describe_secret(SecretId=arn)
    if not described["RotationEnabled"] or token not in described["VersionIdsToStages"]:
        raise ValueError("not a rotation")
    while told := parameters.get_parameters(Names=[f"/{described['Name']}/{step}"])["Parameters"]:
        if told[0]["Value"] == "fail":
            raise RuntimeError("told to fail")
        if told[0]["Value"] == "fail once":
            parameters.delete_parameter(Name=told[0]["Name"])
            raise RuntimeError("told to fail once")
        time.sleep(0.02)
    if "AWSCURRENT" in described["VersionIdsToStages"][token]:
        return
    if step == "createSecret":
        try:
            manager.get_secret_value(SecretId=arn, VersionId=token, VersionStage="AWSPENDING")
        except manager.exceptions.ResourceNotFoundException:
            manager.put_secret_value(
                SecretId=arn, ClientRequestToken=token, VersionStages=["AWSPENDING"],
                SecretString=secrets.token_urlsafe(), RotationToken=event["RotationToken"],
            )
    elif step == "testSecret":
        value = manager.get_secret_value(SecretId=arn, VersionId=token, VersionStage="AWSPENDING")
        current = manager.get_secret_value(SecretId=arn, VersionStage="AWSCURRENT")
        print("pending is current:", value["SecretString"] == current["SecretString"])
    elif step == "finishSecret":
        stages = described["VersionIdsToStages"].items()
        current = next(version for version, labels in stages if "AWSCURRENT" in labels)
        manager.update_secret_version_stage(
            SecretId=arn, VersionStage="AWSCURRENT",
            MoveToVersionId=token, RemoveFromVersionId=current,
        )
"""


class Secret:
    """A secret with its rotation function, and the events that tell of it."""

    def __init__(self, account: Account, function: str, events: Queue) -> None:
        self.manager = account.client("secretsmanager")
        self.parameters = account.client("ssm")
        self.account, self.function, self._events = account, function, events
        self.name = f"secret-{uuid.uuid4().hex}"
        self.first_value = secrets.token_urlsafe()
        created = self.manager.create_secret(Name=self.name, SecretString=self.first_value)
        self.arn, self.first_version = created["ARN"], created["VersionId"]

    def rotate(self, **settings: Any) -> str:
        """Start a rotation; return its token."""
        return str(self.manager.rotate_secret(SecretId=self.arn, **settings)["VersionId"])

    def configure(self, **settings: Any) -> str:
        """Start the first rotation."""
        rules = {"RotationLambdaARN": self.function, "RotationRules": EVERY_TEN_DAYS}
        return self.rotate(**rules | settings)

    def tell(self, step: str, what: str) -> None:
        """Have the function fail or wait at a step."""
        self.parameters.put_parameter(Name=f"/{self.name}/{step}", Value=what, Type="String")

    def release(self, step: str) -> None:
        """Have the function go on."""
        self.parameters.delete_parameter(Name=f"/{self.name}/{step}")

    def describe(self) -> Any:
        return self.manager.describe_secret(SecretId=self.arn)

    def stages(self) -> Any:
        return self.describe()["VersionIdsToStages"]

    def value(self, **which: str) -> str:
        return str(self.manager.get_secret_value(SecretId=self.arn, **which)["SecretString"])

    def event(self) -> Any:
        """The next event about this secret."""
        event = self._events.next()
        assert event["detail"]["additionalEventData"] == {"SecretId": self.arn}
        return event

    def hears(self, *names: str) -> None:
        """Wait for exactly these events."""
        assert [self.event()["detail"]["eventName"] for _ in names] == list(names)

    def invocations(self) -> list[dict[str, str]]:
        lines = [line for line in self.account.log(self.function).splitlines() if line[:1] == "{"]
        events = [json.loads(line) for line in lines]
        return [event for event in events if event["SecretId"] == self.arn]


def refusal(call: Callable[..., Any], **arguments: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 400
    return error["Error"]["Code"], error["Error"]["Message"]
