"""
Physical names and ARNs that follow from the stage alone.

Referring to a thing by such a name, instead of by a CloudFormation export, lets its stack
drop it without first asking the stack that refers to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import ArnFormat, Stack

if TYPE_CHECKING:
    from collections.abc import Iterable

_SECRET_SUFFIX = "-??????"  # noqa: S105  (the six characters Secrets Manager appends to a name)


def secret_arns(stack: Stack, names: Iterable[str]) -> list[str]:
    """ARNs that match exactly the secrets of these names, in any version of their suffix."""
    return [
        name
        if name.startswith("arn:")
        else stack.format_arn(
            service="secretsmanager",
            resource="secret",
            resource_name=f"{name}{_SECRET_SUFFIX}",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        for name in dict.fromkeys(names)
    ]


def parameter_arn(stack: Stack, name: str) -> str:
    """The ARN of an SSM parameter whose name begins with a slash."""
    return stack.format_arn(service="ssm", resource="parameter", resource_name=name.lstrip("/"))


def user_arn(stack: Stack, user: str) -> str:
    """The ARN of an IAM user, by its name or with its path before it."""
    return stack.format_arn(service="iam", region="", resource="user", resource_name=user)


def function_arn(stack: Stack, name: str) -> str:
    """The ARN of a Lambda function of this account and region."""
    return stack.format_arn(
        service="lambda",
        resource="function",
        resource_name=name,
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
    )


def undelivered_events(stage: str) -> str:
    """The queue of events that became no run of Prefect's."""
    return f"wickie-{stage}-events-dlq"
