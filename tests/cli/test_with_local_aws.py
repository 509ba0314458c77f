"""`rotate` and `status` against a Secrets Manager that rotates by a function that plays along."""

from __future__ import annotations

import io
import json
import textwrap
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest
from typer.testing import Result

from local.server import LocalAws
from local.world import ACCOUNT
from tests.until import until_tested

pytestmark = pytest.mark.slow
Wickie = Callable[..., Result]

# Its values are version ids: a value is honoured while it is the current one.
FUNCTION = textwrap.dedent(
    """
    import boto3

    def handler(event, context):
        client = boto3.client("secretsmanager")
        secret = event["SecretId"]
        labels = client.describe_secret(SecretId=secret)["VersionIdsToStages"]
        current = next(v for v in labels if "AWSCURRENT" in labels[v])
        if "Action" in event:
            verdict = "LIVE" if event["VersionId"] == current else "DEAD"
            return {"verdict": verdict, "strategy": "single-user", "detail": ""}
        token = event["ClientRequestToken"]
        if event["Step"] == "createSecret":
            client.put_secret_value(SecretId=secret, ClientRequestToken=token,
                                    SecretString=token, VersionStages=["AWSPENDING"])
        if event["Step"] == "finishSecret":
            client.update_secret_version_stage(SecretId=secret, VersionStage="AWSCURRENT",
                                               MoveToVersionId=token,
                                               RemoveFromVersionId=current)
    """
)


@pytest.fixture
def rotating(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A local AWS with the secret shop/a under rotation; yields the version in use."""
    with LocalAws() as aws:
        for name, value in aws.environment().items():
            monkeypatch.setenv(name, value)
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as archive:
            archive.writestr("rotate.py", FUNCTION)
        policy = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Action": "sts:AssumeRole",
                    "Principal": {"Service": "lambda.amazonaws.com"},
                }
            ],
        }
        role = boto3.client("iam").create_role(
            RoleName="rotate", AssumeRolePolicyDocument=json.dumps(policy)
        )["Role"]["Arn"]
        lambda_ = boto3.client("lambda")
        function = lambda_.create_function(
            FunctionName="rotate",
            Runtime="python3.13",
            Role=role,
            Handler="rotate.handler",
            Timeout=30,
            Code={"ZipFile": code.getvalue()},
        )["FunctionArn"]
        lambda_.add_permission(
            FunctionName="rotate",
            StatementId="secrets-manager",
            Action="lambda:InvokeFunction",
            Principal="secretsmanager.amazonaws.com",
            SourceAccount=ACCOUNT,
        )
        client = boto3.client("secretsmanager")
        version = client.create_secret(Name="shop/a", SecretString="first")["VersionId"]
        client.rotate_secret(
            SecretId="shop/a",
            RotationLambdaARN=function,
            RotationRules={"ScheduleExpression": "rate(10 days)"},
            RotateImmediately=False,
        )
        until_tested(client, "shop/a")
        yield version


def test_a_leaked_secret_is_rotated_beside_one_that_does_not_exist(
    wickie: Wickie, configured: Callable[[str], Path], rotating: str
) -> None:
    configured(
        "stage: prod\nsecrets:\n"
        "  - {name: shop/nowhere, engine: postgres, strategy: single-user}\n"
        "  - {name: shop/a, engine: postgres, strategy: single-user}\n"
    )
    done = wickie("rotate", "shop/nowhere", "shop/a", "--reason", "leak", "--format", "json")
    assert done.exit_code == 1
    assert "wickie: error: secret shop/nowhere does not exist here" in done.stderr
    outcome = json.loads(done.stdout)["rotations"][1]
    assert (outcome["state"], outcome["error"]) == ("ROTATED", None)
    assert (outcome["from_version"], outcome["old_credential"]) == (rotating, "DEAD")
    assert outcome["new_credential"] == "LIVE"

    told = json.loads(wickie("status", "--format", "json").stdout)
    assert [error["name"] for error in told["errors"]] == ["shop/nowhere"]
    (status,) = told["secrets"]
    assert status["result"] == "rotated"
    assert status["versions"][outcome["to_version"]] == "CURRENT"
    assert status["next_rotation"]
