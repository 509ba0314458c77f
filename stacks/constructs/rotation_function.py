"""A rotation function, and the secrets that it rotates."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws_cdk import Duration, Stack
from aws_cdk import aws_lambda as lambda_

from stacks.constructs.logged_function import LoggedFunction

if TYPE_CHECKING:
    from collections.abc import Mapping

    from constructs import Construct

    from wickie.config import Config, ManagedSecret, Network


@dataclass(frozen=True)
class SecretGroup:
    """Managed secrets that one function rotates: what it must know of them is the same."""

    stage: str
    engine: str
    settings: Mapping[str, str]
    """Variables of the function's environment, but for those that every function has."""
    secrets: tuple[ManagedSecret, ...]

    @property
    def name(self) -> str:
        """Engine, strategy, and a digest of all that its secrets share."""
        return f"{self.engine}-{self.first.strategy}-{self._digest}"

    @property
    def function_name(self) -> str:
        """
        Fixed by wickie.yaml, so that other stacks may name the function without importing it.

        64 characters at most, however the stage and the engine are called.
        """
        return f"wickie-{self.stage}-rotate-{self.engine}-{self._digest}"

    @property
    def first(self) -> ManagedSecret:
        """One that stands for all, in what they share."""
        return self.secrets[0]

    @property
    def _digest(self) -> str:
        shared = json.dumps(self.settings, sort_keys=True).encode()
        return hashlib.sha256(shared).hexdigest()[:8]


def groups(config: Config) -> list[SecretGroup]:
    """Gather the managed secrets of `config` by what their function must know and may do."""
    found: dict[str, list[ManagedSecret]] = {}
    for secret in config.secrets:
        found.setdefault(json.dumps(_settings(secret), sort_keys=True), []).append(secret)
    return [
        SecretGroup(config.stage, alike[0].engine, _settings(alike[0]), tuple(alike))
        for alike in found.values()
    ]


def _settings(secret: ManagedSecret) -> dict[str, str]:
    settings = {
        "WICKIE_ENGINE": secret.engine,
        "WICKIE_STRATEGY": secret.strategy,
    }
    if passwords := secret.passwords.given:
        settings["WICKIE_PASSWORDS"] = json.dumps(passwords, sort_keys=True)
    if secret.options:
        settings["WICKIE_OPTIONS"] = json.dumps(secret.options, sort_keys=True)
    if blocks := secret.blocks():
        settings["WICKIE_BLOCKS"] = json.dumps(blocks, sort_keys=True)
    if secret.master:
        settings["WICKIE_MASTER"] = secret.master
    return settings


class RotationFunction(LoggedFunction):
    """The function that Secrets Manager invokes for a group of secrets."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        name: str,
        code: lambda_.Code,
        environment: Mapping[str, str],
        network: Network,
    ) -> None:
        super().__init__(
            scope,
            id_,
            name=name,
            code=code,
            handler="lambdas.rotate.lambda_handler",
            environment=environment,
            timeout=Duration.seconds(60),
        )
        self.permission = self._let_secrets_manager_invoke()
        if network.subnets:
            self.attach(network)

    def _let_secrets_manager_invoke(self) -> lambda_.CfnPermission:
        # SourceAccount keeps other accounts' secrets from using the function (confused deputy);
        # CDK's own rotation construct leaves it out: https://github.com/aws/aws-cdk/issues/28406
        return lambda_.CfnPermission(
            self,
            "SecretsManager",
            action="lambda:InvokeFunction",
            function_name=self.function.function_arn,
            principal="secretsmanager.amazonaws.com",
            source_account=Stack.of(self).account,
        )
