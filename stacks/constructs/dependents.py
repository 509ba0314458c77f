"""Refreshes who uses a secret when Secrets Manager has rotated it on schedule."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from aws_cdk import Duration, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_

from stacks.constructs.dependent_grants import grant_dependents
from stacks.constructs.grants import grant
from stacks.constructs.logged_function import LoggedFunction
from stacks.constructs.names import secret_arns
from stacks.permissions import REFRESH

if TYPE_CHECKING:
    from constructs import Construct

    from stacks.packaging import CodeFor
    from wickie.config import Config, Network

# Longer than a dependent's own patience, so that its answer is heard.
_TIMEOUT = Duration.minutes(12)


class RefreshFunction(LoggedFunction):
    """RotationSucceeded of a secret with dependents → EventBridge → the function."""

    def __init__(
        self, scope: Construct, id_: str, config: Config, network: Network, code_for: CodeFor
    ) -> None:
        dependents = {
            secret.name: secret.declared() for secret in config.secrets if secret.dependents
        }
        code = code_for("refresh", files={"dependents.json": json.dumps(dependents)})
        super().__init__(
            scope,
            id_,
            name=f"wickie-{config.stage}-refresh",
            code=lambda_.Code.from_asset(str(code)),
            handler="lambdas.refresh.lambda_handler",
            environment={},
            timeout=_TIMEOUT,
        )
        secrets = secret_arns(Stack.of(self), dependents)
        grant(self.role, REFRESH, {"secretsmanager": secrets})
        grant_dependents(self.role, config)
        if network.subnets and _calls_out(config):
            self.attach(network)
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


def _calls_out(config: Config) -> bool:
    """A receiver of webhooks may be reachable from the customer's own network alone."""
    return any(d.kind == "webhook" for secret in config.secrets for d in secret.dependents)
