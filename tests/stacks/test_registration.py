"""What registering with Prefect may do in an account, and when it is done again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from wickie import dispatch, prefect
from wickie.config import Config
from wickie.deployment import parameter_name
from wickie.registration import custom_resource, pusher
from wickie.registration.work_pool import SUBMIT_PERMISSIONS

if TYPE_CHECKING:
    from tests.stacks.conftest import Assembly, Synthesise
    from wickie.config import Network

pytestmark = pytest.mark.slow

STACK, WORK_POOL = "WickieRegistration-dev", "WickieWorkPool-dev"
LOGGING = {"logs:CreateLogStream", "logs:PutLogEvents"}
PUSH = {
    "api_url": "https://api.prefect.cloud/api/accounts/a/workspaces/w",
    "backend": "cloud-push",
    "api_key_secret": "prefect/key",
}
HOSTED = {
    "api_url": "https://prefect.example.com/api",
    "backend": "self-hosted",
    "auth_string_secret": "prefect/auth",
}


def configured(**prefect: Any) -> Config:
    return Config.model_validate({"stage": "dev", "prefect": prefect})


@pytest.fixture(scope="module")
def pushed(synthesise: Synthesise) -> Assembly:
    return synthesise(configured(**PUSH))


@pytest.fixture(scope="module")
def hosted(synthesise: Synthesise, network: Network) -> Assembly:
    return synthesise(configured(**HOSTED).model_copy(update={"network": network}))


def actions(statements: list[dict[str, Any]]) -> set[str]:
    found = (s["Action"] for s in statements)
    return {a for some in found for a in ([some] if isinstance(some, str) else some)}


def on(statements: list[dict[str, Any]], action: str) -> str:
    """What `action` is allowed on, as JSON, in all of `statements`."""
    return json.dumps([s["Resource"] for s in statements if action in actions([s])])


def test_without_a_prefect_api_nothing_is_registered(assembly: Assembly) -> None:
    assert STACK not in assembly.templates()
    assert not assembly.resources("AWS::IAM::User")


def test_prefect_is_told_again_when_manifest_code_or_work_pool_change(
    synthesise: Synthesise, pushed: Assembly
) -> None:
    resource = pushed.only("Custom::WickieRegistration")["Properties"]
    assert resource.keys() == {"ServiceToken", "ApiUrl", "ApiKeySecret", "WorkPool", "Digest"}
    parameters = pushed.template(STACK)["Parameters"]
    assert parameters[resource["WorkPool"]["Ref"]] == {
        "Type": "AWS::SSM::Parameter::Value<String>",
        "Default": parameter_name("dev", "work_pool"),
    }
    told = synthesise(configured(**PUSH, notify="slack-webhook/oncall"))
    assert told.only("Custom::WickieRegistration")["Properties"]["Digest"] != resource["Digest"]


def test_it_holds_no_other_stack_back_by_an_export(pushed: Assembly) -> None:
    assert "Fn::ImportValue" not in json.dumps(pushed.template(STACK))
    assert "Fn::GetStackOutput" not in json.dumps(pushed.template(STACK))


def test_who_registers_reads_one_key_and_asks_one_function(pushed: Assembly) -> None:
    statements = pushed.statements(STACK, "Register")
    assert actions(statements) == {
        *prefect.PERMISSIONS,
        *custom_resource.PERMISSIONS,
        "lambda:InvokeFunction",
        "secretsmanager:DescribeSecret",
        *LOGGING,
    }
    assert "secret:prefect/key-" in on(statements, "secretsmanager:GetSecretValue")
    assert on(statements, *custom_resource.PERMISSIONS) == '[{"Ref": "AWS::StackId"}]'
    assert "pusher" not in on(statements, "secretsmanager:GetSecretValue")
    assert ":function:wickie-dev-rotate-iam-access-key-" in on(statements, "lambda:InvokeFunction")


def test_where_no_worker_reads_how_containers_end_a_function_does_and_tells_prefect(
    pushed: Assembly, hosted: Assembly
) -> None:
    statements = pushed.statements(STACK, "Observe")
    assert actions(statements) == {*prefect.PERMISSIONS, *dispatch.QUEUE_PERMISSIONS, *LOGGING}
    assert ":wickie-dev-task-events" in on(statements, "sqs:ReceiveMessage")
    source = pushed.only("AWS::Lambda::EventSourceMapping", STACK)["Properties"]
    assert ":wickie-dev-task-events" in json.dumps(source["EventSourceArn"])
    assert pushed.only("AWS::Events::Rule", WORK_POOL)
    assert not hosted.resources("AWS::Lambda::EventSourceMapping", STACK)


def test_the_pushers_key_may_assume_one_role_and_nothing_else(pushed: Assembly) -> None:
    (statement,) = pushed.statements(WORK_POOL, "PusherUser")
    (role,) = (r for r in pushed.resources("AWS::IAM::Role") if r.startswith("PusherRole"))
    assert statement["Action"] == "sts:AssumeRole"
    assert statement["Resource"] == {"Fn::GetAtt": [role, "Arn"]}
    trust = pushed.resources("AWS::IAM::Role")[role]["Properties"]["AssumeRolePolicyDocument"]
    (user,) = pushed.resources("AWS::IAM::User")
    (trusted,) = trust["Statement"]
    assert trusted["Condition"] == {
        "ArnEquals": {"aws:PrincipalArn": {"Fn::GetAtt": [user, "Arn"]}}
    }


def test_the_pusher_starts_flows_of_this_stage_and_passes_their_two_roles(
    pushed: Assembly,
) -> None:
    _submits(pushed.statements(WORK_POOL, "PusherRole"))


def test_where_prefect_assumes_no_role_the_user_itself_may_submit(synthesise: Synthesise) -> None:
    direct = synthesise(configured(**PUSH, assume_role=False))
    _submits(direct.statements(WORK_POOL, "PusherUser"))
    assert "pusher_role_arn" not in json.dumps(direct.template(WORK_POOL))
    assert not [r for r in direct.resources("AWS::IAM::Role") if r.startswith("PusherRole")]


def _submits(statements: list[dict[str, Any]]) -> None:
    assert actions(statements) == set(SUBMIT_PERMISSIONS)
    (run,) = (s for s in statements if "ecs:RunTask" in actions([s]))
    assert ":task-definition/wickie-dev-flows:*" in json.dumps(run["Resource"])
    assert "ecs:cluster" in run["Condition"]["ArnEquals"]
    (passes,) = (s for s in statements if "iam:PassRole" in actions([s]))
    assert [next(iter(arn.values()))[0][:8] for arn in passes["Resource"]] == [
        "FlowExec",
        "FlowTask",
    ]
    assert passes["Condition"] == {
        "StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}
    }
    looks = {"ec2:DescribeSubnets", "ec2:DescribeVpcs", "ecs:DescribeTaskDefinition"}
    assert actions([s for s in statements if s["Resource"] == "*"]) == looks


def test_who_makes_the_first_key_makes_it_for_that_user_and_secret(pushed: Assembly) -> None:
    statements = pushed.statements(WORK_POOL, "PusherFirstKey")
    assert actions(statements) == {*pusher.PERMISSIONS, *LOGGING}
    assert "PusherUser" in on(statements, "iam:CreateAccessKey")
    assert "PusherSecret" in on(statements, "secretsmanager:PutSecretValue")
    secret = pushed.only("AWS::SecretsManager::Secret", WORK_POOL)["Properties"]
    assert not {"SecretString", "GenerateSecretString"} & secret.keys()


def test_the_pushers_secret_is_under_rotation_once_it_is_there(pushed: Assembly) -> None:
    schedule = pushed.only("AWS::SecretsManager::RotationSchedule")["Properties"]
    assert schedule["SecretId"] == "wickie/dev/pusher"
    manifest = json.loads((pushed.directory / "manifest.json").read_text())
    rotation = manifest["artifacts"]["WickieRotation-dev"]["dependencies"]
    assert WORK_POOL in rotation


def test_containers_get_prefects_key_from_the_agent_and_cannot_read_it(hosted: Assembly) -> None:
    execution = hosted.statements(WORK_POOL, "FlowExecutionRole")
    assert "secret:prefect/auth-" in on(execution, "secretsmanager:GetSecretValue")
    task = hosted.statements(WORK_POOL, "FlowTaskRole")
    assert "secretsmanager:GetSecretValue" not in actions(task)


def test_a_server_of_ones_own_is_reached_from_ones_own_network(
    hosted: Assembly, pushed: Assembly, network: Network
) -> None:
    function = hosted.only("AWS::Lambda::Function", STACK)["Properties"]
    assert function["VpcConfig"]["SubnetIds"] == list(network.subnets)
    for other in pushed.resources("AWS::Lambda::Function", STACK).values():
        assert "VpcConfig" not in other["Properties"]
    assert not hosted.resources("AWS::IAM::User")
