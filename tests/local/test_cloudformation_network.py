"""Networks, and what carries messages, arrive whole, follow an update, and go."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.local.stacks import POLICY, ROLE, TAGS, Stacks, deploy, template

if TYPE_CHECKING:
    pass

pytestmark = pytest.mark.slow


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


def test_a_subnet_and_a_group_that_a_function_is_in_stay_until_it_leaves(stacks: Stacks) -> None:
    network = {
        "Vpc": ("AWS::EC2::VPC", {"CidrBlock": "10.9.0.0/16"}),
        "Net": ("AWS::EC2::Subnet", {"VpcId": {"Ref": "Vpc"}, "CidrBlock": "10.9.1.0/24"}),
        "Group": ("AWS::EC2::SecurityGroup", {"VpcId": {"Ref": "Vpc"}, "GroupDescription": "d"}),
    }
    assert stacks.deploy("net", template(**network)) == "CREATE_COMPLETE"
    subnet, group = (stacks.physical_id("net", name) for name in ("Net", "Group"))
    function = {
        "Code": {"ZipFile": "def handler(event, context): ..."},
        "Role": {"Fn::GetAtt": ["Role", "Arn"]},
        "Handler": "index.handler",
        "Runtime": "python3.13",
    }
    inside = {"VpcConfig": {"SubnetIds": [subnet], "SecurityGroupIds": [group]}}
    deploy(stacks, Role=ROLE, Function=("AWS::Lambda::Function", function | inside))
    assert stacks.delete("net") == "DELETE_FAILED"
    assert f"{subnet} has dependencies and cannot be deleted" in stacks.reasons("net")
    assert f"{group} has dependencies and cannot be deleted" in stacks.reasons("net")
    deploy(stacks, Role=ROLE, Function=("AWS::Lambda::Function", function))
    assert stacks.delete("net") == "DELETE_COMPLETE"
