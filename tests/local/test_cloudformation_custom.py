"""Custom resources are made by real Lambda functions; rotation schedules demand permission."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.local.stacks import Stacks, parameter, template

if TYPE_CHECKING:
    from local.server import LocalAws

pytestmark = pytest.mark.slow

HANDLER = """
import json, urllib.request

def handler(event, context):
    properties = event["ResourceProperties"]
    if event["RequestType"] != "Delete" and properties.get("Crash") == "true":
        raise RuntimeError("crashed")
    answer = {key: event[key] for key in ("StackId", "RequestId", "LogicalResourceId")}
    answer["Status"] = "FAILED" if properties.get("Refuse") == event["RequestType"] else "SUCCESS"
    answer["Reason"] = "refused"
    answer["PhysicalResourceId"] = "thing-" + properties["Name"]
    old = event.get("OldResourceProperties", {}).get("Name", "")
    answer["Data"] = {"Seen": f'{event["RequestType"]} {old}>{properties["Name"]}'}
    print("asked to", event["RequestType"], event.get("PhysicalResourceId", ""))
    urllib.request.urlopen(urllib.request.Request(
        event["ResponseURL"], json.dumps(answer).encode(), {"Content-Type": ""}, method="PUT"
    ))
"""


@pytest.fixture
def stacks(aws: LocalAws) -> Any:
    stacks = Stacks(aws.world.client)
    yield stacks
    for stack in stacks.api.describe_stacks()["Stacks"]:
        stacks.delete(stack["StackName"])


@pytest.fixture
def function(account: Any) -> str:
    return str(account.function(HANDLER, Timeout=20))


def thing(function: str, **properties: Any) -> tuple[str, dict[str, Any]]:
    return "Custom::Thing", {"ServiceToken": function, **properties}


SEEN = {"Seen": {"Value": {"Fn::GetAtt": ["T", "Seen"]}}}


def test_a_custom_resource_is_made_changed_replaced_and_deleted(
    stacks: Stacks, function: str, account: Any
) -> None:
    stacks.deploy("s", template(outputs=SEEN, T=thing(function, Name="a", Count=1)))
    assert stacks.outputs("s") == {"Seen": "Create >a"}
    stacks.deploy("s", template(outputs=SEEN, T=thing(function, Name="a", Count=2)))
    assert stacks.outputs("s") == {"Seen": "Update a>a"}
    stacks.deploy("s", template(outputs=SEEN, T=thing(function, Name="b", Count=2)))
    assert stacks.outputs("s") == {"Seen": "Update a>b"}
    assert stacks.physical_id("s", "T") == "thing-b"
    assert "asked to Delete thing-a" in account.log(function)
    stacks.delete("s")
    assert "asked to Delete thing-b" in account.log(function)


def test_a_refusal_or_a_crash_rolls_back_with_the_functions_words(
    stacks: Stacks, function: str, account: Any
) -> None:
    refused = template(T=thing(function, Name="a", Refuse="Create"))
    assert stacks.deploy("s", refused) == "ROLLBACK_COMPLETE"
    assert "Message returned: refused" in stacks.reasons("s")
    assert "asked to Delete thing-a" in account.log(function)
    crash = template(T=thing(function, Name="a", Crash=True))
    assert stacks.deploy("t", crash) == "ROLLBACK_COMPLETE"
    assert "RuntimeError: crashed" in stacks.reasons("t")


def test_a_failed_update_is_undone_by_the_function(stacks: Stacks, function: str) -> None:
    stacks.deploy("s", template(outputs=SEEN, T=thing(function, Name="a"), P=parameter("1", "/p")))
    broken = thing(function, Name="x", Refuse="Create")
    status = stacks.deploy(
        "s",
        template(
            outputs=SEEN,
            T=thing(function, Name="a", Count=2),
            P=parameter("2", "/p"),
            X={"Type": broken[0], "Properties": broken[1], "DependsOn": ["T", "P"]},
        ),
    )
    assert status == "UPDATE_ROLLBACK_COMPLETE"
    value = stacks.client("ssm").get_parameter(Name="/p")["Parameter"]["Value"]
    assert value == "1"
    assert stacks.physical_id("s", "T") == "thing-a"


def test_a_rotation_schedule_needs_a_function_that_secrets_manager_may_invoke(
    stacks: Stacks, account: Any, eventually: Any
) -> None:
    function = account.function("def handler(event, context): pass")
    stacks.client("secretsmanager").create_secret(Name="app/db")
    schedule: tuple[str, dict[str, Any]] = (
        "AWS::SecretsManager::RotationSchedule",
        {
            "SecretId": "app/db",
            "RotationLambdaARN": function,
            "RotationRules": {"ScheduleExpression": "cron(0 3 ? * SUN *)", "Duration": "2h"},
            "RotateImmediatelyOnUpdate": False,
        },
    )
    assert stacks.deploy("s", template(R=schedule)) == "ROLLBACK_COMPLETE"
    assert "Secrets Manager cannot invoke the specified Lambda function" in stacks.reasons("s")

    permission = {
        "FunctionName": function,
        "Action": "lambda:InvokeFunction",
        "Principal": "secretsmanager.amazonaws.com",
        "SourceAccount": {"Ref": "AWS::AccountId"},
    }
    allowed: dict[str, Any] = {
        "P": ("AWS::Lambda::Permission", permission),
        "R": {"Type": schedule[0], "Properties": schedule[1], "DependsOn": "P"},
    }
    assert stacks.deploy("t", template(**allowed)) == "CREATE_COMPLETE", stacks.reasons("t")
    described = stacks.client("secretsmanager").describe_secret(SecretId="app/db")
    assert described["RotationEnabled"]
    assert described["RotationRules"]["ScheduleExpression"] == "cron(0 3 ? * SUN *)"
    assert described["RotationRules"]["Duration"] == "2h"
    assert stacks.physical_id("t", "R") == described["ARN"]
    eventually(lambda: "AWSPENDING" not in _stages(stacks, "app/db"))  # the test of the function
    schedule[1]["RotationRules"] = {"AutomaticallyAfterDays": "7"}
    assert stacks.deploy("t", template(**allowed)) == "UPDATE_COMPLETE", stacks.reasons("t")
    assert stacks.delete("t") == "DELETE_COMPLETE"
    assert not stacks.client("secretsmanager").describe_secret(SecretId="app/db")["RotationEnabled"]


def _stages(stacks: Stacks, secret: str) -> list[str]:
    described = stacks.client("secretsmanager").describe_secret(SecretId=secret)
    return [
        stage for stages in described.get("VersionIdsToStages", {}).values() for stage in stages
    ]
