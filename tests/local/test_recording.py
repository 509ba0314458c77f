"""What deployed code calls is recorded, and judged by the policies that stand."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from local import access
from local.policies import deployed
from local.world import ACCOUNT, REGION
from tests.local.fargate import Fargate

if TYPE_CHECKING:
    from local.policies.deployed import Account as Policies
    from local.recording import Call
    from local.server import LocalAws
    from tests.local.conftest import Account

pytestmark = pytest.mark.slow

CODE = """
import boto3

def handler(event, context):
    s3, secrets, kms = (boto3.client(name) for name in ("s3", "secretsmanager", "kms"))
    s3.put_object(Bucket=event["bucket"], Key="reports/ä b", Body=b"x" * 100)
    assert s3.get_object(Bucket=event["bucket"], Key="reports/ä b")["Body"].read() == b"x" * 100
    s3.list_objects_v2(Bucket=event["bucket"], Prefix="reports/")
    secrets.describe_secret(SecretId=event["secret"])
    kms.generate_mac(KeyId=event["key"], MacAlgorithm="HMAC_SHA_256", Message=b"x")
    boto3.client("sts").get_caller_identity()
    boto3.client("lambda").list_functions()
"""
LOGS = ["logs:CreateLogStream", "logs:PutLogEvents"]


class Recorded:
    """A function that has called much, and what may be changed of its role."""

    def __init__(self, account: Account, name: str) -> None:
        self.bucket, self.secret = f"bucket-{name}", f"secret-{name}"
        self.client = account.client
        account.client("s3").create_bucket(Bucket=self.bucket)
        account.client("secretsmanager").create_secret(Name=self.secret, SecretString="{}")
        key = account.client("kms").create_key(
            KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC", Description=name
        )
        self.key = key["KeyMetadata"]["KeyId"]
        function = account.function(CODE, Timeout=60)
        settings = account.client("lambda").get_function_configuration(FunctionName=function)
        self.role = settings["Role"]
        event = {"bucket": self.bucket, "secret": self.secret, "key": self.key}
        answer = account.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event))
        assert "FunctionError" not in answer, answer["Payload"].read()
        self.endpoint = account.aws.endpoint

    def calls(self) -> list[Call]:
        return [c for c in access.recorded(self.endpoint) if c.principal == self.role]

    def policies(self) -> Policies:
        return deployed.Account(self.client)

    def refused(self) -> dict[str, str]:
        account = self.policies()
        decisions = {c.action: account.decide(c) for c in self.calls()}
        return {action: d.reason for action, d in decisions.items() if not d.allowed}

    def grant(self, *actions: str, effect: str = "Allow", resource: str = "*") -> None:
        statement = {"Effect": effect, "Action": [*actions], "Resource": resource}
        self.client("iam").put_role_policy(
            RoleName=self.role.rpartition("/")[2],
            PolicyName=effect,
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
        )


@pytest.fixture
def recorded(account: Account) -> Recorded:
    return Recorded(account, uuid.uuid4().hex[:12])


def test_each_call_is_recorded_with_what_it_takes_and_on_what(recorded: Recorded) -> None:
    made = {call.action: call.resource for call in recorded.calls()}
    here = f"{REGION}:{ACCOUNT}"
    assert made.pop("secretsmanager:DescribeSecret").startswith(
        f"arn:aws:secretsmanager:{here}:secret:{recorded.secret}-"
    )
    for action in LOGS:
        assert made.pop(action).startswith(f"arn:aws:logs:{here}:log-group:/aws/lambda/function-")
    assert made == {
        "s3:PutObject": f"arn:aws:s3:::{recorded.bucket}/reports/ä b",
        "s3:GetObject": f"arn:aws:s3:::{recorded.bucket}/reports/ä b",
        "s3:ListBucket": f"arn:aws:s3:::{recorded.bucket}",
        "kms:GenerateMac": f"arn:aws:kms:{here}:key/{recorded.key}",
        "lambda:ListFunctions": "*",
    }
    (listing,) = (c for c in recorded.calls() if c.action == "s3:ListBucket")
    assert dict(listing.context)["s3:prefix"] == ("reports/",)


def test_the_policies_that_stand_decide_whenever_one_asks(recorded: Recorded) -> None:
    everything = sorted({call.action for call in recorded.calls()})
    assert sorted(recorded.refused()) == everything
    recorded.grant(*everything)
    assert recorded.refused() == {}
    recorded.grant("s3:PutObject", effect="Deny", resource="arn:aws:s3:::*/reports/*")
    assert recorded.refused() == {"s3:PutObject": "a statement denies it"}


def test_what_is_granted_and_never_used_is_named(recorded: Recorded) -> None:
    recorded.grant(*sorted({call.action for call in recorded.calls()}), "s3:DeleteObject")
    unused = recorded.policies().unused(recorded.calls(), [recorded.role])
    assert [grant.action for grant in unused] == ["s3:DeleteObject"]


def test_what_ecs_does_for_a_task_is_its_execution_roles(aws: LocalAws, account: Account) -> None:
    fargate = Fargate(aws)
    roles = [
        account.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument="{}")["Role"]
        for name in ("the-task", "the-execution")
    ]
    task_role, execution_role = (role["Arn"] for role in roles)
    arn = account.client("secretsmanager").create_secret(Name="given", SecretString="x")["ARN"]
    fargate.output(
        "true",
        role=task_role,
        execution_role=execution_role,
        secrets=[{"name": "GIVEN", "valueFrom": arn}],
    )
    made = access.recorded(aws.endpoint)
    by_execution = {c.action: c.resource for c in made if c.principal == execution_role}
    assert by_execution["secretsmanager:GetSecretValue"] == arn
    assert {*LOGS, "secretsmanager:GetSecretValue"} == by_execution.keys()
    assert not [c for c in made if c.principal == task_role]


def test_the_command_prints_what_was_called_and_fails_where_aws_would_refuse(
    recorded: Recorded,
) -> None:
    def run() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "local.access", "--role", recorded.role]
        return subprocess.run(
            [*command, "--endpoint", recorded.endpoint],
            capture_output=True,
            text=True,
            check=False,
            env={"COLUMNS": "240", "PATH": ""},
        )

    recorded.grant(*LOGS)
    done = run()
    assert done.returncode == 1, done.stderr
    assert f"arn:aws:s3:::{recorded.bucket}/reports/ä b" in done.stdout
    assert "refused: no statement allows it" in done.stdout
    recorded.grant(*{call.action for call in recorded.calls()}, "s3:DeleteObject")
    done = run()
    assert done.returncode == 0, done.stderr
    assert "0 refused" in done.stdout
    assert "s3:DeleteObject" in done.stdout


def test_a_request_that_cannot_be_read_is_told_and_not_refused(
    account: Account, monkeypatch: pytest.MonkeyPatch, recorded: Recorded
) -> None:
    def fail(*_: Any) -> Any:
        raise KeyError("odd")

    monkeypatch.setattr("local.callers.get_service_router", fail)
    again = Recorded(account, "unread")
    monkeypatch.undo()
    assert recorded.calls()
    assert not [c for c in again.calls() if c.operation.startswith("s3:")]
    lines = access.refused(again.endpoint, again.policies())
    assert any("this request could not be read" in line for line in lines)
