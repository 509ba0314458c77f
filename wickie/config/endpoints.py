"""Through which VPC endpoints the services are reached that IAM actions begin with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# https://docs.aws.amazon.com/vpc/latest/privatelink/aws-services-privatelink-support.html
INTERFACE: Final[Mapping[str, tuple[str, ...]]] = {
    "apigateway": ("apigateway",),
    "appsync": ("appsync",),
    "autoscaling": ("autoscaling",),
    "batch": ("batch",),
    "cloudformation": ("cloudformation",),
    "codebuild": ("codebuild",),
    "ec2": ("ec2",),
    "ecr": ("ecr.api", "ecr.dkr"),
    "ecs": ("ecs",),
    "elasticache": ("elasticache",),
    "events": ("events",),
    "glue": ("glue",),
    "inspector2": ("inspector2",),
    "kms": ("kms",),
    "lambda": ("lambda",),
    "logs": ("logs",),
    "memorydb": ("memory-db",),
    "rds": ("rds",),
    "sagemaker": ("sagemaker.api",),
    "secretsmanager": ("secretsmanager",),
    "sqs": ("sqs",),
    "ssm": ("ssm",),
    "ssmmessages": ("ssmmessages",),
    "states": ("states",),
    "sts": ("sts",),
}
GATEWAY: Final = ("dynamodb", "s3")
"""Those that are an entry of a route table, and cost nothing."""


def without(actions: Iterable[str]) -> tuple[str, ...]:
    """Services of these actions that a network without a way out does not reach."""
    services = {action.partition(":")[0] for action in actions}
    return tuple(sorted(services - INTERFACE.keys() - set(GATEWAY)))
