"""Who may refresh the declared dependents: each kind's permissions, on exactly what is named."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_iam as iam

from stacks.constructs.grants import grant
from stacks.constructs.names import function_arn, secret_arns
from stacks.constructs.rotation_function import groups
from stacks.permissions import DEPENDENTS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from wickie.config import Config, ManagedSecret

    Resources = dict[str, list[str]]

_SEND: Final = "ssm:SendCommand"


def grant_dependents(
    role: iam.IRole, config: Config, secrets: Sequence[ManagedSecret] | None = None
) -> None:
    """Allow `role` to refresh the dependents of all, or of some, `secrets` of `config`."""
    stack = Stack.of(role)
    functions = {s.name: group.function_name for group in groups(config) for s in group.secrets}
    by_kind: defaultdict[str, Resources] = defaultdict(dict)
    for secret in config.secrets if secrets is None else secrets:
        for dependent in secret.dependents:
            resources = by_kind[dependent.kind]
            _add(resources, {"secretsmanager": secret_arns(stack, [secret.name])})
            if dependent.kind == "prefect-block":
                _add(resources, {"lambda": [function_arn(stack, functions[secret.name])]})
            else:
                _add(resources, _RESOURCES[dependent.kind](stack, dependent))
            if dependent.kind == "ssm-run-command" and dependent.tags:
                _grant_tagged(role, stack, dependent.tags)
    for kind, resources in by_kind.items():
        grant(role, DEPENDENTS[kind], resources)


def _add(resources: Resources, more: Mapping[str, list[str]]) -> None:
    for service, arns in more.items():
        resources[service] = list(dict.fromkeys([*resources.get(service, ()), *arns]))


def _service(stack: Stack, d: Any) -> Resources:
    name = f"{d.cluster}/{d.service}"
    return {"ecs": [stack.format_arn(service="ecs", resource="service", resource_name=name)]}


def _function(stack: Stack, d: Any) -> Resources:
    return {"lambda": [function_arn(stack, d.function)]}


def any_proxy(stack: Stack, *resources: str) -> list[str]:
    """IAM knows a proxy by an id that RDS gave it, and that wickie.yaml does not say."""
    return [
        stack.format_arn(
            service="rds",
            resource=resource,
            resource_name="*",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        for resource in resources
    ]


def _proxy(stack: Stack, _: Any) -> Resources:
    return {"rds": any_proxy(stack, "db-proxy", "target-group")}


def _key(_: Stack, d: Any) -> Resources:
    return {"kms": [d.key]}


def _document(stack: Stack, d: Any) -> Resources:
    document = stack.format_arn(service="ssm", resource="document", resource_name=d.document)
    return {"ssm:DescribeDocument": [document], _SEND: [document, *_instances(stack, d)]}


def _instances(stack: Stack, d: Any) -> list[str]:
    """Machines outside EC2 are instances of SSM's own."""
    kinds = {"i": ("ec2", "instance"), "mi": ("ssm", "managed-instance")}
    found = ((*kinds[name.partition("-")[0]], name) for name in d.instances)
    return [
        stack.format_arn(service=service, resource=resource, resource_name=name)
        for service, resource, name in found
    ]


def _grant_tagged(role: iam.IRole, stack: Stack, tags: Mapping[str, str]) -> None:
    # https://docs.aws.amazon.com/systems-manager/latest/userguide/run-command-setting-up.html
    role.add_to_principal_policy(
        iam.PolicyStatement(
            actions=[_SEND],
            resources=[
                stack.format_arn(service=service, resource=resource, resource_name="*")
                for service, resource in (("ec2", "instance"), ("ssm", "managed-instance"))
            ],
            conditions={"StringEquals": {f"ssm:resourceTag/{k}": v for k, v in tags.items()}},
        )
    )


_RESOURCES: Final[Mapping[str, Callable[[Stack, Any], Resources]]] = {
    "ecs-service": _service,
    "lambda": _function,
    "rds-proxy": _proxy,
    "ssm-run-command": _document,
    "webhook": _key,
}
