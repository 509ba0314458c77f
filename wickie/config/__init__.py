"""wickie.yaml, typed: which secrets rotate how, what is scanned, how far the loop goes alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import (
    AfterValidator,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from wickie.apis import settled
from wickie.config.dependents import Dependent, RdsProxyDependent
from wickie.config.section import Duration, Section, told_by_pydantic
from wickie.config.targets import Account, OwnTarget, Region, S3Target
from wickie.config.vulnerabilities import Vulnerabilities
from wickie.errors import ConfigError
from wickie.providers.registry import ENGINES, find_engine
from wickie.rotation import rules
from wickie.rotation.possible import CHECKS, usual_grace

T = TypeVar("T")

_PLAINLY = {
    "extra_forbidden": "unknown key; correct its spelling or take it out",
    "missing": "missing; see wickie.example.yaml",
}
"""pydantic's words for the most common mistakes, in those of whoever edits a YAML file."""


def _rotation_schedule(value: str) -> str:
    if not value.startswith(("rate(", "cron(")):
        raise ValueError(
            "write rate(N hours), rate(N days) or cron(0 H D M W *), as Secrets Manager does"
        )
    rules.of(value)
    return value


def _one_of(choices: tuple[str, ...], value: str) -> str:
    if value not in choices:
        raise ValueError(f"use {' or '.join(choices)}")
    return value


RotationSchedule = Annotated[str, AfterValidator(_rotation_schedule)]


class Passwords(Section):
    """What new passwords look like; what is not said here, the secret's tags may say."""

    length: int | None = None
    symbols: str | None = None
    consumers: tuple[str, ...] | None = Field(
        default=None, description="who takes a password as it stands, without quoting"
    )

    @property
    def given(self) -> dict[str, Any]:
        """What is said here, by the names of `PasswordPolicy`."""
        return self.model_dump(exclude_none=True)


class ManagedSecret(Section):
    """A secret that wickie rotates."""

    name: str = Field(min_length=1, description="name or ARN in Secrets Manager")
    engine: str = Field(description="which system honours it; see docs/rotators.md")
    strategy: str
    options: dict[str, str] = Field(
        default={}, description="what the engine needs to know", validate_default=True
    )
    passwords: Passwords = Passwords()
    master: str | None = Field(
        default=None, description="name or ARN of the administrator's secret, where one is needed"
    )
    schedule: RotationSchedule = "rate(30 days)"
    window: Duration | None = None
    grace: Duration = Field(
        default_factory=usual_grace,
        description="how long after a rotation the old credential is left alone",
    )
    rotate_on_deploy: bool = False
    group: str | None = Field(
        default=None, min_length=1, description="by which the rotate-fleet flow can select it"
    )
    dependents: tuple[Dependent, ...] = ()
    discover: bool = Field(
        default=False, description="report who uses it and is not declared under dependents"
    )

    @field_validator("engine")
    @classmethod
    def _known(cls, engine: str) -> str:
        told_by_pydantic(lambda: find_engine(engine))
        return engine

    @field_validator("strategy")
    @classmethod
    def _of_the_engine(cls, strategy: str, others: ValidationInfo) -> str:
        if engine := ENGINES.get(others.data.get("engine", "")):
            return _one_of(engine.strategies, strategy)
        return strategy

    @field_validator("options")
    @classmethod
    def _the_engine_needs(cls, options: dict[str, str], others: ValidationInfo) -> dict[str, str]:
        if others.data.get("engine") == "http-api":
            return told_by_pydantic(lambda: settled(options))
        engine = ENGINES.get(others.data.get("engine", ""))
        if engine and (wrong := (set(options) - set(engine.optional)) ^ set(engine.options)):
            known = ", ".join((*engine.options, *engine.optional)) or "none"
            raise ValueError(f"{', '.join(sorted(wrong))}: the options of this engine are {known}")
        told_by_pydantic(lambda: CHECKS["options"](options, others.data))
        return options

    @field_validator("passwords", "master", "window", "grace", "dependents")
    @classmethod
    def _goes_with_the_rest(cls, value: T, others: ValidationInfo) -> T:
        check = CHECKS[others.field_name or ""]
        told_by_pydantic(lambda: check(value, others.data))
        return value

    @field_validator("dependents")
    @classmethod
    def _told_of_both_users(
        cls, dependents: tuple[Dependent, ...], others: ValidationInfo
    ) -> tuple[Dependent, ...]:
        for dependent in dependents:
            if not isinstance(dependent, RdsProxyDependent):
                continue
            taking_turns = others.data.get("strategy") == "alternating-users"
            if taking_turns != bool(dependent.other_user):
                raise ValueError(
                    f"rds-proxy {dependent.proxy} lets in only the users whose secrets it lists: "
                    f"with alternating-users name the other user's secret in other_user, "
                    f"with any other strategy leave it out"
                )
        return dependents

    def declared(self) -> list[Mapping[str, Any]]:
        """Its dependents as plain data, which functions without pydantic understand too."""
        return [d.model_dump(mode="json", exclude_defaults=True) for d in self.dependents]

    def blocks(self) -> list[Mapping[str, Any]]:
        """Those of them that its rotation function gives the value to."""
        return [d for d in self.declared() if d["kind"] == "prefect-block"]


class ListedTarget(Section):
    """What an AWS API lists, of names that start with `prefix`; see docs/sources.md."""

    kind: Literal[
        "lambda-environment",
        "ecs-task-definition",
        "codebuild-project",
        "ec2-user-data",
        "ec2-launch-template",
        "autoscaling-launch-configuration",
        "ssm-parameter",
        "ssm-document",
        "cloudformation-stack",
        "step-functions-state-machine",
        "step-functions-execution",
        "glue-job",
        "glue-connection",
        "api-gateway-stage",
        "api-gateway-v2-stage",
        "appsync-api",
        "batch-job-definition",
        "sagemaker-model",
        "sagemaker-notebook-lifecycle",
        "amplify-app",
        "eventbridge-target",
        "secretsmanager-metadata",
        "data-pipeline",
    ]
    prefix: str = ""


Target = Annotated[OwnTarget | ListedTarget, Field(discriminator="kind")]


class Scan(Section):
    """What the nightly scan reads; when it runs stands in prefect.yaml."""

    targets: tuple[Target, ...] = ()
    regions: tuple[Region, ...] = Field(default=(), description="none: the one wickie runs in")
    accounts: tuple[Account, ...] = Field(default=(), description="read beside wickie's own")

    @model_validator(mode="after")
    def _accounts_known(self) -> Scan:
        known = {account.role.split(":")[4] for account in self.accounts}
        for target in self.targets:
            if isinstance(target, S3Target) and target.account and target.account not in known:
                raise ValueError(f"account {target.account} is not under scan.accounts; add it")
        return self

    def declared(self) -> list[Mapping[str, Any]]:
        """Its targets as plain data: their kind, and the options that were given."""
        return [t.model_dump(mode="json", exclude_defaults=True) for t in self.targets]


class Response(Section):
    """How far the loop may go alone when it meets a managed secret."""

    rotate_on_leak: bool = True
    debounce: Duration = timedelta(minutes=10)
    max_rotations_per_hour: int = Field(default=10, ge=0)


class Network(Section):
    """Where rotation functions and flows run; all empty: outside any VPC of yours."""

    vpc_id: str | None = Field(default=None, pattern=r"^vpc-[0-9a-f]{8,17}$")
    subnets: tuple[Annotated[str, Field(pattern=r"^subnet-[0-9a-f]{8,17}$")], ...] = ()
    security_groups: tuple[Annotated[str, Field(pattern=r"^sg-[0-9a-f]{8,17}$")], ...] = ()
    assign_public_ip: bool = Field(
        default=False, description="flows need one in subnets without a NAT gateway or endpoints"
    )

    @model_validator(mode="after")
    def _all_or_nothing(self) -> Network:
        if len({bool(self.vpc_id), bool(self.subnets), bool(self.security_groups)}) > 1:
            raise ValueError("give vpc_id, subnets and security_groups together, or none of them")
        return self


class Alarms(Section):
    """Who is told when rotation needs a person."""

    email: tuple[Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")], ...] = ()


class Config(Section):
    """One stage of wickie in one account and region."""

    stage: str = Field(pattern=r"[a-z][a-z0-9-]{0,19}")
    secrets: tuple[ManagedSecret, ...] = ()
    scan: Scan = Scan()
    vulnerabilities: Vulnerabilities = Vulnerabilities()
    response: Response = Response()
    network: Network = Network()
    image: str = Field(
        default="wickie:latest", description="container image of the flows, best given by digest"
    )
    alarms: Alarms = Alarms()
    retain: bool = Field(
        default=True, description="keep reports, tables and key when the stacks are deleted"
    )

    @field_validator("secrets")
    @classmethod
    def _each_once(cls, secrets: tuple[ManagedSecret, ...]) -> tuple[ManagedSecret, ...]:
        names = [secret.name for secret in secrets]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"{', '.join(twice)} stands here twice; a secret has one strategy")
        return secrets

    def secret(self, name_or_arn: str) -> ManagedSecret | None:
        """Find a managed secret by its name, or by an ARN whose name part is that name."""
        return next((s for s in self.secrets if _same_secret(s.name, name_or_arn)), None)


def _same_secret(name: str, other: str) -> bool:
    plain = [
        re.sub(r"^arn:[^:]+:secretsmanager:[^:]*:\d*:secret:", "", text) for text in (name, other)
    ]
    return name == other or plain[0] == plain[1] or plain[0] == re.sub(r"-\w{6}$", "", plain[1])


def load_config(path: Path) -> Config:
    """Read and validate a wickie.yaml. Raises `ConfigError` with the path of each mistake."""
    try:
        document: Any = yaml.safe_load(path.read_text())
    except OSError as error:
        raise ConfigError(
            f"cannot read {path}: {error.strerror}; pass --config or create it"
        ) from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not YAML: {' '.join(str(error).split())}") from None
    if not document:
        raise ConfigError(f"{path} is empty; start from wickie.example.yaml")
    try:
        return Config.model_validate(document)
    except ValidationError as error:
        mistakes = "; ".join(
            f"{'.'.join(str(part) for part in e['loc']) or 'top level'}: "
            f"{_PLAINLY.get(e['type'], e['msg'])}"
            for e in error.errors(include_input=False)
            if e["type"] != "default_factory_not_called"  # because of another mistake here
        )
        raise ConfigError(f"{path}: {mistakes}") from None
