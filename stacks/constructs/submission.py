"""Who starts flows' containers for Prefect: its pusher in the Cloud, or a worker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_cdk import Stack

from stacks.constructs.grants import grant
from stacks.permissions import SUBMIT

if TYPE_CHECKING:
    from aws_cdk import aws_iam as iam

    from stacks.constructs.flow_task import FlowTask


def let_submit(submits: iam.IRole | iam.User, cluster: str, task: FlowTask) -> None:
    """Allow it to run tasks of this family in that cluster, to stop them, to pass their roles."""
    stack = Stack.of(submits)

    def ecs(resource: str, name: str) -> str:
        return stack.format_arn(service="ecs", resource=resource, resource_name=name)

    definitions, tasks = ecs("task-definition", f"{task.family}:*"), ecs("task", f"{cluster}/*")
    roles = [task.execution_role.role_arn, task.task_role.role_arn]
    in_cluster: dict[str, Any] = {"ArnEquals": {"ecs:cluster": ecs("cluster", cluster)}}
    to_ecs = {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}
    grant(
        submits,
        SUBMIT,
        {
            "ecs:DescribeTasks": [tasks],
            "ecs:RegisterTaskDefinition": [definitions],
            "ecs:RunTask": [definitions],
            "ecs:StopTask": [tasks],
            "ecs:TagResource": [definitions, tasks],
            "iam:PassRole": roles,
        },
        {"ecs:RunTask": in_cluster, "iam:PassRole": to_ecs},
    )
