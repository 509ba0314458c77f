"""wickie.yaml, typed: which secrets rotate how, what is scanned, how far the loop goes alone."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from wickie.config.dependents import Dependent
from wickie.config.events import EventRule  # noqa: TC001  (pydantic reads it)
from wickie.config.prefect import Prefect  # noqa: TC001  (likewise)
from wickie.config.secret import ManagedSecret
from wickie.config.section import Duration, Section
from wickie.config.targets import Scan, Target
from wickie.config.vulnerabilities import Vulnerabilities
from wickie.errors import ConfigError

__all__ = ["Config", "Dependent", "ManagedSecret", "Network", "Scan", "Target", "load_config"]

_PLAINLY = {
    "extra_forbidden": "unknown key; correct its spelling or take it out",
    "missing": "missing; see wickie.example.yaml",
}
"""pydantic's words for the most common mistakes, in those of whoever edits a YAML file."""


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
    prefect: Prefect | None = None
    secrets: tuple[ManagedSecret, ...] = ()
    scan: Scan = Scan()
    vulnerabilities: Vulnerabilities = Vulnerabilities()
    response: Response = Response()
    events: tuple[EventRule, ...] = ()
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

    @model_validator(mode="after")
    def _somebody_is_told(self) -> Config:
        if self.events and not self.prefect:
            raise ValueError("events start runs of Prefect: say where it is, under prefect")
        names = [event.name for event in self.events]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"events: {', '.join(twice)} stands here twice; name each once")
        return self

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
