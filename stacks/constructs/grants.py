"""Turns the `PERMISSIONS` a module declares into statements on the resources it is meant for."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from aws_cdk import aws_iam as iam

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

# https://docs.aws.amazon.com/service-authorization/latest/reference/: no resource type is listed
# for these, so IAM grants them on `*` or not at all.
UNSCOPED: Final = frozenset(
    {
        "ec2:DescribeSubnets",
        "ec2:DescribeVpcs",
        "ecr:GetAuthorizationToken",
        "ecs:DescribeTaskDefinition",
        "ecs:ListClusters",
        "ecs:ListServices",
        "ecs:ListTaskDefinitionFamilies",
        "ecs:ListTaskDefinitions",
        "inspector2:ListFindings",
        "lambda:ListFunctions",
        "ssm:ListCommandInvocations",
        "ssm:ListCommands",
        "ssmmessages:CreateControlChannel",
        "ssmmessages:CreateDataChannel",
        "ssmmessages:OpenControlChannel",
        "ssmmessages:OpenDataChannel",
    }
)

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html: 6,144 characters in a
# policy, 10 policies of a role, and 10,240 characters in those that are its own.
_ROOM: Final = 5000
_TOKEN: Final = re.compile(r"\$\{Token\[[^\]]*\]\}")
_FILLED: Final = len("ap-southeast-1")


def grant(
    role: iam.IRole | iam.IUser,
    permissions: Iterable[str],
    resources: Mapping[str, Sequence[str]],
    conditions: Mapping[str, Any] | None = None,
) -> None:
    """
    Allow `role` exactly `permissions`.

    `resources` gives the ARNs for an action (`s3:GetObject`), else for its service (`s3`). An
    action it does not cover is a `KeyError`: nothing is ever widened to `*` to make it work.
    No ARNs, as for a stage without secrets, is no statement. `conditions` are by action.
    """
    by_resources: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    for action in dict.fromkeys(permissions):
        arns = ["*"] if action in UNSCOPED else _arns(action, resources)
        if arns and action in (conditions or {}):
            condition = (conditions or {})[action]
            role.add_to_principal_policy(
                iam.PolicyStatement(actions=[action], resources=list(arns), conditions=condition)
            )
        elif arns:
            by_resources[tuple(arns)].append(action)
    for arns_, actions in by_resources.items():
        _allow(role, actions, arns_)


def _allow(role: iam.IRole | iam.IUser, actions: Sequence[str], arns: Sequence[str]) -> None:
    """Many ARNs go into policies beside the role's own: the CDK divides none within a statement."""
    chunks = _chunks(arns)
    for few in chunks:
        statement = iam.PolicyStatement(actions=list(actions), resources=few)
        if len(chunks) == 1:
            role.add_to_principal_policy(statement)
        else:
            number = sum(isinstance(child, iam.ManagedPolicy) for child in role.node.children)
            more = iam.ManagedPolicy(role, f"More{number}", statements=[statement])
            (more.attach_to_role if isinstance(role, iam.Role) else more.attach_to_user)(role)


def _chunks(arns: Sequence[str]) -> list[list[str]]:
    chunks: list[list[str]] = [[]]
    room = _ROOM
    for arn in arns:
        room -= len(_TOKEN.sub("x" * _FILLED, arn)) + len('"",')
        if room < 0:
            chunks.append([])
            room = _ROOM
        chunks[-1].append(arn)
    return chunks


def _arns(action: str, resources: Mapping[str, Sequence[str]]) -> Sequence[str]:
    service = action.partition(":")[0]
    return resources[action] if action in resources else resources[service]
