"""What computes, connects and delivers arrives whole, follows an update, and goes."""

from __future__ import annotations

import io
import json
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.local.stacks import POLICY, ROLE, TAGS, Stacks, deploy

if TYPE_CHECKING:
    pass

pytestmark = pytest.mark.slow


def test_function_and_permission(stacks: Stacks) -> None:
    s3 = stacks.client("s3")
    s3.create_bucket(Bucket="code")
    for key in ("one", "two"):
        s3.put_object(Bucket="code", Key=key, Body=_zip(key))
    function = {
        "Code": {"S3Bucket": "code", "S3Key": "one"},
        "Runtime": "python3.13",
        "Handler": "index.handler",
        "Role": {"Fn::GetAtt": ["R", "Arn"]},
        "Architectures": ["arm64"],
        "Timeout": 30,
        "Environment": {"Variables": {"A": "1"}},
        "Tags": TAGS,
    }
    permission = {
        "FunctionName": {"Fn::GetAtt": ["F", "Arn"]},
        "Action": "lambda:InvokeFunction",
        "Principal": "secretsmanager.amazonaws.com",
        "SourceAccount": {"Ref": "AWS::AccountId"},
    }
    allowed = ("AWS::Lambda::Permission", permission)
    deploy(stacks, R=ROLE, F=("AWS::Lambda::Function", function), P=allowed)
    client, name = stacks.client("lambda"), {"FunctionName": stacks.physical_id("s", "F")}
    before = client.get_function_configuration(**name)
    assert (before["Architectures"], before["Timeout"]) == (["arm64"], 30)
    (statement,) = json.loads(client.get_policy(**name)["Policy"])["Statement"]
    assert statement["Condition"]["StringEquals"] == {"AWS:SourceAccount": "123456789012"}

    changed = function | {
        "Code": {"S3Bucket": "code", "S3Key": "two"},
        "Timeout": 60,
        "Environment": {"Variables": {"B": "2"}},
    }
    deploy(stacks, R=ROLE, F=("AWS::Lambda::Function", changed))
    after = client.get_function_configuration(**name)
    assert after["CodeSha256"] != before["CodeSha256"]
    assert (after["Timeout"], after["Environment"]["Variables"]) == (60, {"B": "2"})
    with pytest.raises(ClientError):
        client.get_policy(**name)
    assert stacks.delete("s") == "DELETE_COMPLETE"
    assert client.list_functions()["Functions"] == []


def _zip(text: str) -> bytes:

    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("index.py", f"# {text}")
    return packed.getvalue()


def test_log_group(stacks: Stacks) -> None:
    deploy(stacks, L=("AWS::Logs::LogGroup", {"RetentionInDays": 30, "Tags": TAGS}))
    logs, name = stacks.client("logs"), stacks.physical_id("s", "L")
    (group,) = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    assert group["retentionInDays"] == 30
    deploy(stacks, L=("AWS::Logs::LogGroup", {}))
    (group,) = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    assert "retentionInDays" not in group
    assert logs.list_tags_log_group(logGroupName=name)["tags"] == {}
    assert stacks.delete("s") == "DELETE_COMPLETE"
    assert logs.describe_log_groups()["logGroups"] == []


def test_cluster_and_task_definition(stacks: Stacks) -> None:
    cluster = {"ClusterSettings": [{"Name": "containerInsights", "Value": "enabled"}]}
    task = {
        "Family": "flow",
        "Cpu": "256",
        "Memory": 512,
        "NetworkMode": "awsvpc",
        "RequiresCompatibilities": ["FARGATE"],
        "RuntimePlatform": {"CpuArchitecture": "ARM64", "OperatingSystemFamily": "LINUX"},
        "ExecutionRoleArn": {"Fn::GetAtt": ["R", "Arn"]},
        "TaskRoleArn": {"Fn::GetAtt": ["R", "Arn"]},
        "ContainerDefinitions": [
            {
                "Name": "main",
                "Image": "example/wickie",
                "Essential": "true",
                "Environment": [{"Name": "A", "Value": "1"}],
                "PortMappings": [{"ContainerPort": "80"}],
                "LogConfiguration": {
                    "LogDriver": "awslogs",
                    "Options": {"awslogs-group": "g", "awslogs-stream-prefix": "p"},
                },
            }
        ],
    }
    made = {"C": ("AWS::ECS::Cluster", cluster), "R": ROLE}
    deploy(stacks, T=("AWS::ECS::TaskDefinition", task), **made)
    ecs = stacks.client("ecs")

    def definition() -> Any:
        arn = stacks.physical_id("s", "T")
        return ecs.describe_task_definition(taskDefinition=arn)["taskDefinition"]

    first = definition()
    assert (first["cpu"], first["memory"], first["networkMode"]) == ("256", "512", "awsvpc")
    assert first["runtimePlatform"]["cpuArchitecture"] == "ARM64"
    assert first["executionRoleArn"] == first["taskRoleArn"]
    (container,) = first["containerDefinitions"]
    assert container["essential"] is True
    assert container["portMappings"][0]["containerPort"] == 80
    assert container["logConfiguration"]["options"]["awslogs-stream-prefix"] == "p"

    cluster["ClusterSettings"][0]["Value"] = "disabled"
    deploy(stacks, T=("AWS::ECS::TaskDefinition", task | {"Memory": "1024"}), **made)
    assert definition()["revision"] == first["revision"] + 1
    old = ecs.describe_task_definition(taskDefinition=first["taskDefinitionArn"])
    assert old["taskDefinition"]["status"] == "INACTIVE"
    name = stacks.physical_id("s", "C")
    (described,) = ecs.describe_clusters(clusters=[name], include=["SETTINGS"])["clusters"]
    assert described["settings"] == [{"name": "containerInsights", "value": "disabled"}]
    assert stacks.delete("s") == "DELETE_COMPLETE"
    assert ecs.list_task_definitions(status="ACTIVE")["taskDefinitionArns"] == []
    (described,) = ecs.describe_clusters(clusters=[name])["clusters"]
    assert described["status"] == "INACTIVE"


def test_repository_and_metadata(stacks: Stacks) -> None:
    properties = {
        "RepositoryName": "images",
        "ImageScanningConfiguration": {"ScanOnPush": True},
        "ImageTagMutability": "IMMUTABLE",
        "LifecyclePolicy": {"LifecyclePolicyText": _lifecycle(5)},
        "RepositoryPolicyText": POLICY,
    }
    metadata = ("AWS::CDK::Metadata", {"Analytics": "v2"})
    deploy(stacks, E=("AWS::ECR::Repository", properties), M=metadata)
    ecr = stacks.client("ecr")
    (found,) = ecr.describe_repositories()["repositories"]
    assert (found["imageTagMutability"], found["imageScanningConfiguration"]) == (
        "IMMUTABLE",
        {"scanOnPush": True},
    )
    assert json.loads(ecr.get_repository_policy(repositoryName="images")["policyText"]) == POLICY
    deploy(stacks, E=("AWS::ECR::Repository", {"RepositoryName": "images"}), M=metadata)
    (found,) = ecr.describe_repositories()["repositories"]
    assert found["imageTagMutability"] == "MUTABLE"
    with pytest.raises(ClientError):
        ecr.get_lifecycle_policy(repositoryName="images")
    assert stacks.delete("s") == "DELETE_COMPLETE"
    assert ecr.describe_repositories()["repositories"] == []


def _lifecycle(count: int) -> str:
    selection = {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": count}
    rule = {"rulePriority": 1, "selection": selection, "action": {"type": "expire"}}
    return json.dumps({"rules": [rule]})


def test_a_stack_that_holds_nothing_but_a_wait_handle(stacks: Stacks) -> None:
    deploy(stacks, Nothing=("AWS::CloudFormation::WaitConditionHandle", {}))
    assert stacks.physical_id("s", "Nothing")
    assert stacks.delete("s") == "DELETE_COMPLETE"
