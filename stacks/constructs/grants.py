"""Turns the `PERMISSIONS` a module declares into statements on the resources it is meant for."""

from __future__ import annotations

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
    }
)


def grant(
    role: iam.IGrantable,
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
    add = role.grant_principal.add_to_principal_policy
    by_resources: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    for action in dict.fromkeys(permissions):
        arns = ["*"] if action in UNSCOPED else _arns(action, resources)
        if arns and action in (conditions or {}):
            condition = (conditions or {})[action]
            add(iam.PolicyStatement(actions=[action], resources=list(arns), conditions=condition))
        elif arns:
            by_resources[tuple(arns)].append(action)
    for arns_, actions in by_resources.items():
        add(iam.PolicyStatement(actions=actions, resources=list(arns_)))


def _arns(action: str, resources: Mapping[str, Sequence[str]]) -> Sequence[str]:
    service = action.partition(":")[0]
    return resources[action] if action in resources else resources[service]
