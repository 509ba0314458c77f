"""Who may roll vulnerable builds back: what each action declares, on exactly what is named."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from aws_cdk import Stack

from stacks.constructs.grants import grant
from stacks.constructs.names import function_arn
from stacks.permissions import PASS_ROLES, ROLLBACKS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from aws_cdk import aws_iam as iam

    from wickie.config.rollback import Rollback

    Resources = Mapping[str, Sequence[str]]

_LIST: Final = "ecs:ListTasks"


def grant_rollbacks(role: iam.IRole, policies: Sequence[Rollback]) -> None:
    """Allow `role` to roll back what `policies` name, and nothing beside it."""
    stack = Stack.of(role)
    by_kind: defaultdict[str, list[Any]] = defaultdict(list)
    for policy in policies:
        by_kind[policy.target.kind].append(policy.target)
    for kind, targets in by_kind.items():
        grant(role, ROLLBACKS[kind], _RESOURCES[kind](stack, targets), _conditions(stack, targets))
    roles = dict.fromkeys(arn for t in by_kind["ecs-service"] for arn in t.roles)
    passed = {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}
    grant(role, PASS_ROLES, {"iam": list(roles)}, dict.fromkeys(PASS_ROLES, passed))


def _services(stack: Stack, targets: Sequence[Any]) -> Resources:
    def arns(resource: str, names: Sequence[str]) -> list[str]:
        return [
            stack.format_arn(service="ecs", resource=resource, resource_name=name)
            for name in dict.fromkeys(names)
        ]

    return {
        "ecs": arns("service", [f"{t.cluster}/{t.service}" for t in targets]),
        "ecs:DescribeTasks": arns("task", [f"{t.cluster}/*" for t in targets]),
        _LIST: ["*"],
    }


def _conditions(stack: Stack, targets: Sequence[Any]) -> Mapping[str, Any]:
    """Tasks are listed by their cluster: IAM has it as a condition, and no resource."""
    clusters = dict.fromkeys(t.cluster for t in targets if t.kind == "ecs-service")
    arns = [
        stack.format_arn(service="ecs", resource="cluster", resource_name=name) for name in clusters
    ]
    return {_LIST: {"ArnEquals": {"ecs:cluster": arns}}}


def _functions(stack: Stack, targets: Sequence[Any]) -> Resources:
    return {"lambda": [function_arn(stack, name) for name in {t.function: None for t in targets}]}


_RESOURCES: Final[Mapping[str, Callable[[Stack, Sequence[Any]], Resources]]] = {
    "ecs-service": _services,
    "lambda-alias": _functions,
}
