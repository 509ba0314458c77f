"""The rotation functions, what each may do, and the schedule of every secret."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from aws_cdk import CfnWaitConditionHandle, Stack
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from stacks.constructs.dependents import RefreshFunction
from stacks.constructs.grants import grant
from stacks.constructs.names import secret_arns
from stacks.constructs.rotation_function import RotationFunction, SecretGroup, groups
from stacks.permissions import DELIVER, LEASE, MASTER, PUBLISH, ROTATE
from wickie.config.prefect import database_of
from wickie.errors import ConfigError
from wickie.providers.registry import ENGINES
from wickie.rotation.registry import DELIVERY

if TYPE_CHECKING:
    from stacks.data import DataStack
    from stacks.packaging import CodeFor
    from stacks.prefect import PrefectStack
    from wickie.config import Config, ManagedSecret, Network


class RotationStack(Stack):
    """
    One function for each group of secrets, with its schedules beside it.

    Functions and schedules share a stack because across two they would refer to each other in a
    circle (https://github.com/aws/aws-cdk/issues/33336). The secrets themselves are the
    customer's: nothing here creates, changes or deletes one.
    """

    def __init__(
        self,
        scope: Construct,
        config: Config,
        data: DataStack,
        network: Network,
        code_for: CodeFor,
        *,
        prefect: PrefectStack | None = None,
    ) -> None:
        super().__init__(
            scope, f"WickieRotation-{config.stage}", description="wickie: rotation of secrets"
        )
        self._config = config
        self._data = data
        self._network = network
        self._code_for = code_for
        self._prefect = prefect
        # A schedule keeps its logical id when its secret moves to another function: deleting a
        # schedule ends the secret's rotation, and CloudFormation deletes after it creates.
        self._schedules = Construct(self, "Schedules")
        for group in groups(config):
            self._add(group)
        if any(secret.dependents for secret in config.secrets):
            RefreshFunction(self, "Refresh", config, network, code_for)
        if not config.secrets:
            # A stack may not be empty; and leaving it out of the app would leave it deployed,
            # rotating the secrets that were just taken out of wickie.yaml.
            CfnWaitConditionHandle(self, "NoSecrets")

    def _add(self, group: SecretGroup) -> None:
        rotation = RotationFunction(
            self,
            group.name,
            name=group.function_name,
            code=lambda_.Code.from_asset(str(self._code_for(group.engine, also=_named(group)))),
            environment={
                **group.settings,
                "WICKIE_STAGE": self._config.stage,
                "WICKIE_FINGERPRINT_TABLE": self._data.fingerprints.table_name,
                "WICKIE_FINGERPRINT_KEY": self._data.fingerprint_key.key_arn,
            },
            network=self._network_of(group),
        )
        secrets = secret_arns(self, (s.name for s in group.secrets))
        grant(rotation.role, ROTATE, {"secretsmanager": secrets})
        self._data.let_use(rotation.role)
        grant(
            rotation.role,
            (*PUBLISH, *LEASE),
            {
                "dynamodb": [self._data.fingerprints.table_arn],
                "kms": [self._data.fingerprint_key.key_arn],
            },
        )
        if master := group.first.master:
            grant(rotation.role, MASTER, {"secretsmanager": secret_arns(self, [master])})
        blocks = group.first.blocks()
        keys = [d[key] for d in blocks for key in ("api_key", "auth_string") if key in d]
        grant(rotation.role, DELIVER, {"secretsmanager": secret_arns(self, keys)})
        engine = ENGINES[group.engine]
        arns = {action: [self._arn(arn, group)] for action, arn in engine.permissions.items()}
        grant(rotation.role, engine.permissions, arns, engine.conditions)
        for secret in group.secrets:
            self._schedule(secret, rotation)

    def _network_of(self, group: SecretGroup) -> Network:
        """The database of wickie's own Prefect server lets in who shows that it is to."""
        own = database_of(self._config.stage).name
        if self._prefect and any(secret.name == own for secret in group.secrets):
            return self._prefect.of_its_clients(self._network)
        return self._network

    def _arn(self, template: str, group: SecretGroup) -> str:
        for name, value in group.first.options.items():
            if f"{{{name}}}" in template and set("*?") & set(value):
                raise ConfigError(f"options.{name}: {value} is more than one resource; name one")
        return template.format(
            partition=self.partition,
            region=self.region,
            account=self.account,
            **group.first.options,
        )

    def _schedule(self, secret: ManagedSecret, rotation: RotationFunction) -> None:
        schedule = secretsmanager.CfnRotationSchedule(
            self._schedules,
            secret.name,
            secret_id=secret.name,
            rotation_lambda_arn=rotation.function.function_arn,
            rotation_rules=secretsmanager.CfnRotationSchedule.RotationRulesProperty(
                schedule_expression=secret.schedule, duration=_window(secret)
            ),
            rotate_immediately_on_update=secret.rotate_on_deploy,
        )
        # Secrets Manager invokes the function while the schedule is being made.
        schedule.node.add_dependency(rotation.permission, rotation.role)


def _named(group: SecretGroup) -> tuple[str, ...]:
    """Modules that only some functions of an engine need."""
    return (DELIVERY,) if group.first.blocks() else ()


def _window(secret: ManagedSecret) -> str | None:
    return None if secret.window is None else f"{secret.window // timedelta(hours=1)}h"
