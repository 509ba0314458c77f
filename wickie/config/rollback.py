"""What may stand under `vulnerabilities.rollback` in wickie.yaml; docs/rollback.md explains it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from wickie.config.section import Duration, Section
from wickie.errors import ConfigError
from wickie.model import Severity
from wickie.response.condemned import Condemned
from wickie.response.ecs_rollback import EcsRollback
from wickie.response.lambda_rollback import LambdaRollback

if TYPE_CHECKING:
    from wickie.aws import Clients
    from wickie.response.action import Action, Plan
    from wickie.vulnerabilities.finding import Vulnerability

RoleArn = Annotated[str, Field(pattern=r"^arn:[a-z-]+:iam::\d{12}:role/[\w+=,.@/-]+$")]


class ServiceToRollBack(Section):
    """An ECS service, which goes back to an earlier task definition of its family."""

    kind: Literal["ecs-service"]
    cluster: str = Field(description="its name")
    service: str = Field(description="its name in the cluster")
    roles: tuple[RoleArn, ...] = Field(
        default=(), description="of its task definitions: who deploys them must be let pass these"
    )

    def action(self, clients: Clients, condemned: Condemned) -> Action:
        """What is to be done to it."""
        return EcsRollback(clients.ecs, self.cluster, self.service, condemned)


class AliasToRollBack(Section):
    """An alias of a Lambda function, which goes back to an earlier version."""

    kind: Literal["lambda-alias"]
    function: str = Field(description="its name")
    alias: str = Field(description="its name at the function")

    def action(self, clients: Clients, condemned: Condemned) -> Action:
        """What is to be done to it."""
        return LambdaRollback(clients.lambda_, self.function, self.alias, condemned)


class Rollback(Section):
    """What leaves service when a build of it turns out to be vulnerable, and who decides."""

    target: Annotated[ServiceToRollBack | AliasToRollBack, Field(discriminator="kind")] = Field(
        description="what goes back"
    )
    severity: Severity = Field(default=Severity.CRITICAL, description="or worse")
    younger_than: Duration = Field(
        default=timedelta(days=7), description="what has been there for longer stays"
    )
    fix_available: bool = Field(default=True, description="only findings that have a fix count")
    approval: Literal["required", "none"] = Field(
        default="required", description="none: the scan does it at once"
    )
    approve_within: Duration = Field(
        default=timedelta(hours=4), description="without approval by then nothing is done"
    )

    def action(self, clients: Clients, findings: Iterable[Vulnerability] = ()) -> Action:
        """The rollback that these findings may call for."""
        condemned = Condemned.by(
            findings, self.severity, self.younger_than, fix_available=self.fix_available
        )
        return self.target.action(clients, condemned)


def policy_for(plan: Plan, policies: Sequence[Rollback], clients: Clients) -> Rollback:
    """The policy that a plan goes back to. Raises `ConfigError` where it is there no more."""
    for policy in policies:
        if policy.action(clients).name == plan.target:
            return policy
    raise ConfigError(
        f"{plan.target} is not under vulnerabilities.rollback in wickie.yaml; add it, or plan again"
    )
