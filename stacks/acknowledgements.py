"""
Every finding of cdk-nag's AwsSolutions that stands, with the reason why it does.

cdk-nag wants each finding named on its own; a test asserts that this table holds exactly what
is found, so an entry that no longer applies fails as well as one that is missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from aws_cdk import Acknowledgment, Validations

from stacks.constructs.flow_task import ECR
from stacks.constructs.rotation_function import groups
from wickie.config import S3Target

if TYPE_CHECKING:
    from aws_cdk import App

    from wickie.config import Config


class Accepted(NamedTuple):
    """A rule, the construct that breaks it, and why it may."""

    path: str
    rule: str
    reason: str


def accepted(config: Config) -> list[Accepted]:
    """Everything that is acknowledged in the stacks of `config`."""
    data, rotation, work_pool = (
        f"Wickie{name}-{config.stage}" for name in ("Data", "Rotation", "WorkPool")
    )
    task_role = f"{work_pool}/Flow/TaskRole"
    entries = [
        Accepted(
            f"{data}/Results",
            "AwsSolutions::AwsSolutions-S1",
            "Access logs need a second bucket that nobody reads; CloudTrail data events tell who "
            "read a report, and reports hold no plaintext.",
        ),
        Accepted(
            task_role,
            f"AwsSolutions::AwsSolutions-IAM5[Resource::{data}:"
            "ExportsOutputFnGetAttResultsBucket46167C27ArnE43BA8FC/*]",
            "Reports are new objects of wickie's own bucket; their keys hold date and run.",
        ),
        *(
            Accepted(
                task_role,
                f"AwsSolutions::AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:s3:::{bucket}/*]",
                "wickie.yaml has this bucket scanned, so each of its objects is read.",
            )
            for bucket in dict.fromkeys(
                t.bucket for t in config.scan.targets if isinstance(t, S3Target)
            )
        ),
    ]
    if {"lambda-environment", "ecs-task-definition"} & {t.kind for t in config.scan.targets}:
        entries.append(
            Accepted(
                task_role,
                "AwsSolutions::AwsSolutions-IAM5[Resource::*]",
                "Listing functions and task definitions, and describing the latter, names no "
                "resource: IAM grants it on * or not at all.",
            )
        )
    if config.network.subnets:
        entries += [
            Accepted(
                f"{rotation}/{group.name}/Role",
                "AwsSolutions::AwsSolutions-IAM5[Resource::*]",
                "Lambda makes the network interfaces of a function in a VPC, and finds them "
                "again, by actions that IAM grants on * or not at all.",
            )
            for group in groups(config)
        ]
    else:
        entries.append(
            Accepted(
                f"{work_pool}/Network/Vpc",
                "AwsSolutions::AwsSolutions-VPC7",
                "Nothing in this network listens: its only security group lets nothing in. Flow "
                "logs would be its one running cost.",
            )
        )
    if ECR.match(config.image):
        entries += [
            Accepted(
                f"{work_pool}/Flow/ExecutionRole",
                "AwsSolutions::AwsSolutions-IAM5[Resource::*]",
                "ecr:GetAuthorizationToken names no resource: IAM grants it on * or not at all.",
            ),
            Accepted(
                f"{work_pool}/Flow/Definition/prefect",
                "Annotation::@aws-cdk/aws-ecs:ecrImageRequiresPolicy",
                "The execution role is let into exactly this image's repository, in flow_task.py.",
            ),
        ]
    return entries


def acknowledge(app: App, config: Config) -> None:
    """Tell cdk-nag of every entry of `accepted`."""
    constructs = {construct.node.path: construct for construct in app.node.find_all()}
    for entry in accepted(config):
        Validations.of(constructs[entry.path]).acknowledge(
            Acknowledgment(id=entry.rule, reason=entry.reason)
        )
