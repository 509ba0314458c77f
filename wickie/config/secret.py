"""What may stand under `secrets`: which secret rotates how, and who is told."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from wickie.apis import settled
from wickie.config.dependents import Dependent, RdsProxyDependent
from wickie.config.section import Duration, Section, told_by_pydantic
from wickie.providers.registry import ENGINES, find_engine
from wickie.rotation import rules
from wickie.rotation.possible import CHECKS, usual_grace

T = TypeVar("T")

# https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html; a `*` would
# let roles in policies name more than this one.
_NAME = re.compile(r"[\w/+=.@-]{1,512}", re.ASCII)


def _rotation_schedule(value: str) -> str:
    if not value.startswith(("rate(", "cron(")):
        raise ValueError(
            "write rate(N hours), rate(N days) or cron(0 H D M W *), as Secrets Manager does"
        )
    rules.of(value)
    return value


def _secret_name(value: str) -> str:
    if not _NAME.fullmatch(value.partition(":secret:")[2] if value.startswith("arn:") else value):
        raise ValueError(
            "a secret's name is up to 512 letters, digits and /_+=.@-; see ListSecrets"
        )
    return value


def _one_of(choices: tuple[str, ...], value: str) -> str:
    if value not in choices:
        raise ValueError(f"use {' or '.join(choices)}")
    return value


SecretName = Annotated[str, AfterValidator(_secret_name)]
RotationSchedule = Annotated[str, AfterValidator(_rotation_schedule)]


class Passwords(Section):
    """What new passwords look like; what is not said here, the secret's tags may say."""

    length: int | None = Field(default=None, description="24 up to what the engine takes")
    symbols: str | None = Field(default=None, description="used beside letters and digits")
    consumers: tuple[str, ...] | None = Field(
        default=None, description="who takes a password as it stands, without quoting"
    )

    @property
    def given(self) -> dict[str, Any]:
        """What is said here, by the names of `PasswordPolicy`."""
        return self.model_dump(exclude_none=True)


class ManagedSecret(Section):
    """A secret that wickie rotates."""

    name: SecretName = Field(description="name or ARN in Secrets Manager")
    engine: str = Field(description="which system honours it; see docs/rotators.md")
    strategy: str = Field(description="how a credential is succeeded by another")
    options: dict[str, str] = Field(
        default={}, description="what the engine needs to know", validate_default=True
    )
    passwords: Passwords = Passwords()
    master: SecretName | None = Field(
        default=None, description="name or ARN of the administrator's secret, where one is needed"
    )
    schedule: RotationSchedule = Field(
        default="rate(30 days)",
        description="rate(30 days), rate(8 hours) or cron(0 3 ? * SUN *), in UTC; 4 hours at least",
    )
    window: Duration | None = Field(
        default=None, description="whole hours within which Secrets Manager starts, as 2h"
    )
    grace: Duration = Field(
        default_factory=usual_grace,
        description="how long after a rotation the old credential is left alone",
    )
    rotate_on_deploy: bool = Field(
        default=False, description="rotate whenever the schedule is created or changed"
    )
    group: str | None = Field(
        default=None, min_length=1, description="by which the rotate-fleet flow can select it"
    )
    dependents: tuple[Dependent, ...] = Field(
        default=(), description="who uses it, and is refreshed after a rotation"
    )
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
