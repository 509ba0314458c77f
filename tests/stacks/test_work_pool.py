"""What people rely on of where flows run, and above all what flows may not do."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import pytest

from wickie.config import Config
from wickie.deployment import Deployment, parameter_name

if TYPE_CHECKING:
    from tests.stacks.conftest import Assembly, Synthesise
    from wickie.config import Network

pytestmark = pytest.mark.slow

STACK = "WickieWorkPool-dev"
PARAMETER = "AWS::SSM::Parameter"


def _actions(statements: list[dict[str, Any]]) -> set[str]:
    return {
        action
        for s in statements
        if s["Effect"] == "Allow"
        for action in ([s["Action"]] if isinstance(s["Action"], str) else s["Action"])
    }


def test_flows_can_never_read_a_secret_s_value(assembly: Assembly) -> None:
    template = json.dumps(assembly.template(STACK))
    assert not re.search(
        r"GetSecretValue|BatchGetSecretValue|secretsmanager:\*|\"\*:\*\"", template
    )
    roles = assembly.resources("AWS::IAM::Role", STACK)
    assert len(roles) == 2
    assert not any(
        {"ManagedPolicyArns", "Policies"} & role["Properties"].keys() for role in roles.values()
    )
    allowed = _actions(assembly.statements(STACK, ""))
    assert not [action for action in allowed if "*" in action]
    assert {a for a in allowed if a.startswith("secretsmanager:")} == {
        "secretsmanager:DescribeSecret",
        "secretsmanager:RotateSecret",
    }


def test_flows_invoke_exactly_the_functions_of_their_stage(assembly: Assembly) -> None:
    functions = assembly.resources("AWS::Lambda::Function", "WickieRotation-dev").values()
    (statement,) = (
        s
        for s in assembly.statements(STACK, "FlowTaskRole")
        if "lambda:InvokeFunction" in s["Action"]
    )
    assert {arn["Fn::Join"][1][-1].rpartition(":")[2] for arn in statement["Resource"]} == {
        function["Properties"]["FunctionName"]
        for function in functions
        if function["Properties"]["Handler"] == "lambdas.rotate.lambda_handler"
    }


def test_flows_refresh_only_the_dependents_that_wickie_yaml_names(assembly: Assembly) -> None:
    statements = assembly.statements(STACK, "FlowTaskRole")
    (ecs,) = (s for s in statements if "ecs:UpdateService" in s["Action"])
    assert ecs["Resource"]["Fn::Join"][1][-1] == ":service/shop/checkout"
    (function,) = (s for s in statements if "lambda:UpdateFunctionConfiguration" in s["Action"])
    assert function["Resource"]["Fn::Join"][1][-1] == ":function:shop-invoices"


def test_flows_change_fingerprints_nowhere(assembly: Assembly) -> None:
    for statement in assembly.statements(STACK, "FlowTaskRole"):
        if "Fingerprints" in json.dumps(statement["Resource"]):
            assert _actions([statement]) == {"dynamodb:Scan"}


def test_nothing_is_granted_on_everything_but_what_cannot_be_narrowed(
    assembly: Assembly,
) -> None:
    from stacks.constructs.grants import UNSCOPED  # noqa: PLC0415  (starts Node)

    statements = [
        s for stack in ("WickieRotation-dev", STACK) for s in assembly.statements(stack, "")
    ]
    assert _actions([s for s in statements if s["Resource"] == "*"]) <= UNSCOPED
    assert not [s for s in statements if s["Effect"] != "Allow" or "NotResource" in s]


def test_every_field_of_a_deployment_is_published_and_nothing_else(assembly: Assembly) -> None:
    published = {p["Properties"]["Name"] for p in assembly.resources(PARAMETER).values()}
    assert published == {parameter_name("dev", field.name) for field in fields(Deployment)}


def test_the_work_pool_is_told_all_it_needs(assembly: Assembly) -> None:
    value = assembly.only(PARAMETER, STACK)["Properties"]["Value"]
    parts = ["…" if isinstance(part, dict) else part for part in value["Fn::Join"][1]]
    pool = json.loads("".join(parts))
    assert pool.keys() == {
        "pool_name",
        "cluster",
        "execution_role_arn",
        "task_role_arn",
        "image",
        "vpc_id",
        "subnets",
        "security_groups",
        "assign_public_ip",
        "log_group",
        "family",
        "region",
    }
    assert pool["pool_name"] == "wickie-dev"
    assert pool["family"] == assembly.only("AWS::ECS::TaskDefinition")["Properties"]["Family"]
    assert len(pool["subnets"]) == 2
    assert pool["assign_public_ip"] is True


def test_the_container_runs_as_nobody_on_a_read_only_disk(assembly: Assembly) -> None:
    task = assembly.only("AWS::ECS::TaskDefinition")["Properties"]
    (container,) = task["ContainerDefinitions"]
    assert container["User"] not in ("", "0", "root")
    assert container["ReadonlyRootFilesystem"] is True
    assert [m["ContainerPath"] for m in container["MountPoints"]] == ["/tmp"]  # noqa: S108
    assert container["LogConfiguration"]["LogDriver"] == "awslogs"
    assert task["RequiresCompatibilities"] == ["FARGATE"]
    assert (task["Cpu"], task["Memory"]) == ("1024", "2048")


def test_the_network_lets_nothing_in_and_costs_nothing_idle(assembly: Assembly) -> None:
    group = assembly.only("AWS::EC2::SecurityGroup")["Properties"]
    assert "SecurityGroupIngress" not in group
    templates = (assembly.template(stack) for stack in ("WickieNetwork-dev", STACK))
    types = {r["Type"] for template in templates for r in template["Resources"].values()}
    assert not types & {
        "AWS::EC2::SecurityGroupIngress",
        "AWS::EC2::NatGateway",
        "AWS::EC2::VPCEndpoint",
        "AWS::EC2::EIP",
        "AWS::ECS::Service",
    }
    for subnet in assembly.resources("AWS::EC2::Subnet").values():
        assert "Fn::Select" in subnet["Properties"]["AvailabilityZone"]


def test_flows_run_in_the_network_of_wickie_yaml(synthesise: Synthesise, network: Network) -> None:
    assembly = synthesise(Config(stage="dev", network=network))
    assert not assembly.resources("AWS::EC2::VPC")
    value = json.dumps(assembly.only(PARAMETER, STACK)["Properties"]["Value"])
    assert str(network.vpc_id) in value
    assert '\\"assign_public_ip\\":false' in value
    assert all(name in value for name in (*network.subnets, *network.security_groups))


def test_a_killed_container_is_heard_of(assembly: Assembly) -> None:
    rule = assembly.only("AWS::Events::Rule", STACK)["Properties"]
    (cluster,) = assembly.resources("AWS::ECS::Cluster")
    assert rule["EventPattern"] == {
        "source": ["aws.ecs"],
        "detail-type": ["ECS Task State Change"],
        "detail": {"clusterArn": [{"Fn::GetAtt": [cluster, "Arn"]}]},
    }
    (target,) = rule["Targets"]
    queue = assembly.resources("AWS::SQS::Queue")[target["Arn"]["Fn::GetAtt"][0]]["Properties"]
    assert queue["QueueName"] == "wickie-dev-task-events"
    assert queue["RedrivePolicy"]["maxReceiveCount"] == 3
    assert queue["SqsManagedSseEnabled"] is True


def test_only_that_rule_may_send_to_the_queue_and_only_over_tls(assembly: Assembly) -> None:
    policies = assembly.resources("AWS::SQS::QueuePolicy").values()
    statements = [s for p in policies for s in p["Properties"]["PolicyDocument"]["Statement"]]
    (allow,) = (s for s in statements if s["Effect"] == "Allow")
    (rule,) = assembly.resources("AWS::Events::Rule", STACK)
    assert allow["Principal"] == {"Service": "events.amazonaws.com"}
    assert allow["Condition"] == {"ArnEquals": {"aws:SourceArn": {"Fn::GetAtt": [rule, "Arn"]}}}
    denials = [s for s in statements if s["Effect"] == "Deny"]
    assert len(denials) == len(assembly.resources("AWS::SQS::Queue")) == 2


def test_an_image_in_ecr_may_be_pulled_and_no_other(synthesise: Synthesise) -> None:
    image = f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/wickie@sha256:{'0' * 64}"
    assembly = synthesise(Config(stage="dev", image=image))
    (statement,) = (
        s
        for s in assembly.statements(STACK, "FlowExecutionRole")
        if "ecr:BatchGetImage" in s["Action"]
    )
    arn = statement["Resource"]["Fn::Join"][1]
    assert arn[-1] == ":ecr:eu-west-1:123456789012:repository/team/wickie"
    (container,) = assembly.only("AWS::ECS::TaskDefinition")["Properties"]["ContainerDefinitions"]
    assert container["Image"] == image
