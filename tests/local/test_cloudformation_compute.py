"""What computes, connects and delivers arrives whole, follows an update, and goes."""

from __future__ import annotations

import io
import json
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.local.stacks import Stacks, deploy, in_process

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

ALLOW = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
POLICY = {"Version": "2012-10-17", "Statement": [ALLOW]}
_ASSUME = {
    "Effect": "Allow",
    "Action": "sts:AssumeRole",
    "Principal": {"Service": "x.amazonaws.com"},
}
TRUST = {"Version": "2012-10-17", "Statement": [_ASSUME]}
OTHER_TRUST = {
    "Version": "2012-10-17",
    "Statement": [_ASSUME | {"Principal": {"Service": "y.amazonaws.com"}}],
}
TAGS = [{"Key": "app", "Value": "a"}]
ROLE = ("AWS::IAM::Role", {"AssumeRolePolicyDocument": TRUST})


@pytest.fixture
def stacks(tmp_path: Path) -> Iterator[Stacks]:
    with in_process(tmp_path) as stacks:
        yield stacks


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


def test_network(stacks: Stacks) -> None:
    ec2 = stacks.client("ec2")
    present = {v["VpcId"] for v in ec2.describe_vpcs()["Vpcs"]}
    https = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": "10.0.0.0/16"}
    network = {
        "Vpc": ("AWS::EC2::VPC", {"CidrBlock": "10.9.0.0/16", "EnableDnsHostnames": True}),
        "Net": (
            "AWS::EC2::Subnet",
            {
                "VpcId": {"Ref": "Vpc"},
                "CidrBlock": "10.9.1.0/24",
                "MapPublicIpOnLaunch": True,
                "AvailabilityZone": {"Fn::Select": [0, {"Fn::GetAZs": ""}]},
                "Tags": TAGS,
            },
        ),
        "Igw": ("AWS::EC2::InternetGateway", {}),
        "Attached": (
            "AWS::EC2::VPCGatewayAttachment",
            {"VpcId": {"Ref": "Vpc"}, "InternetGatewayId": {"Ref": "Igw"}},
        ),
        "Table": ("AWS::EC2::RouteTable", {"VpcId": {"Ref": "Vpc"}}),
        "Joined": (
            "AWS::EC2::SubnetRouteTableAssociation",
            {"SubnetId": {"Ref": "Net"}, "RouteTableId": {"Ref": "Table"}},
        ),
        "Out": {
            "Type": "AWS::EC2::Route",
            "DependsOn": "Attached",
            "Properties": {
                "RouteTableId": {"Ref": "Table"},
                "DestinationCidrBlock": "0.0.0.0/0",
                "GatewayId": {"Ref": "Igw"},
            },
        },
    }
    group = {
        "GroupDescription": "d",
        "VpcId": {"Fn::GetAtt": ["Vpc", "VpcId"]},
        "SecurityGroupEgress": [https | {"Description": "out"}],
    }
    deploy(stacks, Group=("AWS::EC2::SecurityGroup", group), **network)
    vpc = stacks.physical_id("s", "Vpc")
    names = ec2.describe_vpc_attribute(VpcId=vpc, Attribute="enableDnsHostnames")
    assert names["EnableDnsHostnames"]["Value"]
    (subnet,) = ec2.describe_subnets(SubnetIds=[stacks.physical_id("s", "Net")])["Subnets"]
    assert subnet["MapPublicIpOnLaunch"]
    (table,) = ec2.describe_route_tables(RouteTableIds=[stacks.physical_id("s", "Table")])[
        "RouteTables"
    ]
    assert "0.0.0.0/0" in {r["DestinationCidrBlock"] for r in table["Routes"]}

    def rules() -> tuple[Any, ...]:
        identity = [stacks.physical_id("s", "Group")]
        (found,) = ec2.describe_security_groups(GroupIds=identity)["SecurityGroups"]
        ports = (
            [r.get("FromPort") for r in found[k]] for k in ("IpPermissions", "IpPermissionsEgress")
        )
        return tuple(ports)

    assert rules() == ([], [443])
    changed = group | {
        "SecurityGroupIngress": [https | {"FromPort": 5432, "ToPort": 5432}],
        "SecurityGroupEgress": [https | {"FromPort": 80, "ToPort": 80}],
    }
    deploy(stacks, Group=("AWS::EC2::SecurityGroup", changed), **network)
    assert rules() == ([5432], [80])
    assert stacks.delete("s") == "DELETE_COMPLETE", stacks.reasons("s")
    assert {v["VpcId"] for v in ec2.describe_vpcs()["Vpcs"]} == present


def test_rule_queue_topic_and_alarm(stacks: Stacks) -> None:
    queue = {"VisibilityTimeout": 60, "SqsManagedSseEnabled": True, "Tags": TAGS}
    rule = {
        "EventPattern": {"source": ["aws.secretsmanager"]},
        "State": "ENABLED",
        "Targets": [{"Id": "q", "Arn": {"Fn::GetAtt": ["Q", "Arn"]}}],
    }
    alarm = {
        "MetricName": "Errors",
        "Namespace": "AWS/Lambda",
        "Statistic": "Sum",
        "Period": "300",
        "EvaluationPeriods": 1,
        "Threshold": 1,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "AlarmActions": [{"Ref": "T"}],
    }
    subscription = {"TopicArn": {"Ref": "T"}, "Protocol": "sqs"}
    subscription["Endpoint"] = {"Fn::GetAtt": ["Q", "Arn"]}
    rest = {
        "T": ("AWS::SNS::Topic", {"DisplayName": "alerts"}),
        "TP": ("AWS::SNS::TopicPolicy", {"Topics": [{"Ref": "T"}], "PolicyDocument": POLICY}),
        "QP": ("AWS::SQS::QueuePolicy", {"Queues": [{"Ref": "Q"}], "PolicyDocument": POLICY}),
        "Sub": ("AWS::SNS::Subscription", subscription | {"RawMessageDelivery": True}),
    }
    deploy(
        stacks,
        Q=("AWS::SQS::Queue", queue),
        R=("AWS::Events::Rule", rule),
        A=("AWS::CloudWatch::Alarm", alarm),
        **rest,
    )
    sqs, url = stacks.client("sqs"), stacks.physical_id("s", "Q")
    sns, topic = stacks.client("sns"), stacks.physical_id("s", "T")
    events, name = stacks.client("events"), stacks.physical_id("s", "R")

    def queued() -> Any:
        return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]

    assert queued()["VisibilityTimeout"] == "60"
    assert json.loads(queued()["Policy"]) == POLICY
    assert json.loads(sns.get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"]) == POLICY
    assert [t["Id"] for t in events.list_targets_by_rule(Rule=name)["Targets"]] == ["q"]
    assert json.loads(events.describe_rule(Name=name)["EventPattern"]) == rule["EventPattern"]

    del queue["VisibilityTimeout"]
    deploy(
        stacks,
        Q=("AWS::SQS::Queue", queue),
        R=("AWS::Events::Rule", {"ScheduleExpression": "rate(1 hour)", "State": "DISABLED"}),
        A=("AWS::CloudWatch::Alarm", alarm | {"Threshold": 5}),
        **rest,
    )
    assert queued()["VisibilityTimeout"] == "30"
    assert events.list_targets_by_rule(Rule=name)["Targets"] == []
    assert events.describe_rule(Name=name)["State"] == "DISABLED"
    (metric,) = stacks.client("cloudwatch").describe_alarms()["MetricAlarms"]
    assert (metric["Threshold"], metric["AlarmActions"]) == (5.0, [topic])
    assert stacks.delete("s") == "DELETE_COMPLETE", stacks.reasons("s")
    assert sqs.list_queues().get("QueueUrls", []) == sns.list_topics()["Topics"] == []
    assert events.list_rules()["Rules"] == []
    assert stacks.client("cloudwatch").describe_alarms()["MetricAlarms"] == []


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
