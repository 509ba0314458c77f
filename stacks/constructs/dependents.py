"""Refreshes who uses a secret when Secrets Manager has rotated it on schedule."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from aws_cdk import Duration, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets

from stacks.constructs.grants import grant
from stacks.constructs.logged_function import LoggedFunction
from stacks.constructs.names import function_arn, secret_arns
from stacks.permissions import DEPENDENTS, REFRESH
from wickie.config import EcsServiceDependent, LambdaDependent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aws_cdk import aws_iam as iam
    from aws_cdk import aws_lambda as lambda_
    from constructs import Construct

    from wickie.config import Config

# Longer than a dependent's own patience, so that its answer is heard.
_TIMEOUT = Duration.minutes(12)


def dependent_resources(stack: Stack, config: Config) -> dict[str, Sequence[str]]:
    """ARNs of what wickie.yaml declares under `dependents`, by service."""
    declared = [d for secret in config.secrets for d in secret.dependents]
    services = (d for d in declared if isinstance(d, EcsServiceDependent))
    functions = (d for d in declared if isinstance(d, LambdaDependent))
    ecs = (
        stack.format_arn(
            service="ecs", resource="service", resource_name=f"{d.cluster}/{d.service}"
        )
        for d in services
    )
    return {
        "ecs": list(dict.fromkeys(ecs)),
        "lambda": list(dict.fromkeys(function_arn(stack, d.function) for d in functions)),
    }


def grant_dependents(
    role: iam.IRole, config: Config, resources: Mapping[str, Sequence[str]]
) -> None:
    """Allow `role` to refresh the declared dependents."""
    declared = (d for secret in config.secrets for d in secret.dependents)
    for kind in dict.fromkeys(d.kind for d in declared):
        grant(role, DEPENDENTS[kind], resources)


class RefreshFunction(LoggedFunction):
    """RotationSucceeded of a secret with dependents → EventBridge → the function."""

    def __init__(self, scope: Construct, id_: str, config: Config, code: lambda_.Code) -> None:
        dependents = {
            secret.name: [d.model_dump(mode="json") for d in secret.dependents]
            for secret in config.secrets
            if secret.dependents
        }
        super().__init__(
            scope,
            id_,
            name=f"wickie-{config.stage}-refresh",
            code=code,
            handler="lambdas.refresh.lambda_handler",
            environment={"WICKIE_DEPENDENTS": json.dumps(dependents)},
            timeout=_TIMEOUT,
        )
        stack = Stack.of(self)
        secrets = secret_arns(stack, dependents)
        grant(self.role, REFRESH, {"secretsmanager": secrets})
        grant_dependents(self.role, config, dependent_resources(stack, config))
        # The form of these events: https://docs.aws.amazon.com/secretsmanager/latest/userguide/
        # monitoring-eventbridge.html; which secret it was, the function sees for itself.
        events.Rule(
            self,
            "Rotated",
            description="A secret was rotated: refresh what uses it",
            event_pattern=events.EventPattern(
                source=["aws.secretsmanager"],
                detail_type=["AWS Service Event via CloudTrail"],
                detail={"eventName": ["RotationSucceeded"]},
            ),
            targets=[targets.LambdaFunction(self.function)],
        )
