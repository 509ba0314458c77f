"""Which resource types the local AWS knows."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from local.cloudformation import custom
from local.cloudformation.errors import TemplateError
from local.cloudformation.types import (
    awslambda,
    cdk,
    cloudwatch,
    dynamodb,
    ec2,
    ec2_security,
    ecr,
    ecs,
    ecs_service,
    events,
    glue,
    iam,
    kms,
    logs,
    rds,
    s3,
    secretsmanager,
    servicediscovery,
    sns,
    sqs,
    ssm,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.cloudformation.store import Store
    from local.cloudformation.types.call import ResourceType

_SERVICES = (
    awslambda,
    cdk,
    cloudwatch,
    dynamodb,
    ec2,
    ec2_security,
    ecr,
    ecs,
    ecs_service,
    events,
    glue,
    iam,
    kms,
    logs,
    rds,
    s3,
    secretsmanager,
    servicediscovery,
    sns,
    sqs,
    ssm,
)
TYPES: Mapping[str, ResourceType] = MappingProxyType(
    {name: kind for service in _SERVICES for name, kind in service.TYPES.items()}
)


def resource_type(name: str, store: Store) -> ResourceType:
    """How resources of this type come and go."""
    return custom.resource_type(store) if custom.is_custom(name) else TYPES[name]


def check_types(template: Mapping[str, Any]) -> None:
    """Refuse a template with a type that nothing here can make."""
    types = {definition["Type"] for definition in template["Resources"].values()}
    if unknown := sorted(n for n in types if n not in TYPES and not custom.is_custom(n)):
        raise TemplateError(
            f"Template format error: Unrecognized resource types: [{', '.join(unknown)}] "
            "(the local AWS does not emulate them; add one under local/cloudformation/types)"
        )
