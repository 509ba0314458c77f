"""wickie.yaml, typed: which secrets rotate how, what is scanned, how far the loop goes alone."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    AfterValidator,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from wickie.config.dependents import Dependent
from wickie.config.document import read
from wickie.config.events import EventRule  # noqa: TC001  (pydantic reads it)
from wickie.config.honeytoken import Honeytoken
from wickie.config.network import Network, check_image, check_prefect, check_reach
from wickie.config.prefect import Prefect, brought_along
from wickie.config.secret import ManagedSecret
from wickie.config.section import Duration, Section, told_by_pydantic
from wickie.config.targets import Scan, Target
from wickie.config.together import check_secrets
from wickie.config.vulnerabilities import Vulnerabilities
from wickie.errors import ConfigError
from wickie.naming import same_secret
from wickie.scan.suppression import Planted, Suppressions

__all__ = [
    "Config",
    "Dependent",
    "Honeytoken",
    "ManagedSecret",
    "Network",
    "Prefect",
    "Scan",
    "Target",
    "load_config",
]


def _own_tag(key: str) -> str:
    if key.lower().startswith("aws:"):
        raise ValueError(f"{key}: aws: begins the tags that AWS sets itself; call it otherwise")
    return key


# https://docs.aws.amazon.com/tag-editor/latest/userguide/tagging.html; what all services take.
_TAG_FORM = r"^[\w .:/=+@-]*$"
TagKey = Annotated[
    str, Field(pattern=_TAG_FORM, min_length=1, max_length=128), AfterValidator(_own_tag)
]
TagValue = Annotated[str, Field(pattern=_TAG_FORM, max_length=256)]

_PLAINLY = {
    "extra_forbidden": "unknown key; correct its spelling or take it out",
    "missing": "missing; see wickie.example.yaml",
}
"""pydantic's words for the most common mistakes, in those of whoever edits a YAML file."""


class Response(Section):
    """How far the loop may go alone when it meets a managed secret."""

    rotate_on_leak: bool = Field(default=True, description="false: report only")
    debounce: Duration = Field(
        default=timedelta(minutes=10), description="a secret rotated this recently is left alone"
    )
    max_rotations_per_hour: int = Field(default=10, ge=0, description="beyond it a person decides")


class Alarms(Section):
    """Who is told when rotation needs a person."""

    email: tuple[Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")], ...] = Field(
        default=(), description="addresses; each confirms a mail from AWS first"
    )


class Encryption(Section):
    """By whose keys reports and tables are encrypted, and which key makes fingerprints."""

    key: Literal["aws", "customer"] = Field(
        default="aws", description="customer: one that is made in your account, at $1 a month"
    )
    fingerprint_key: int = Field(
        default=1, ge=1, description="raise it for a new one; then rotate every secret once"
    )


class Reporting(Section):
    """Where reports go besides the results bucket."""

    security_hub: bool = Field(default=False, description="this account's, which must be enabled")


class Config(Section):
    """One stage of wickie in one account and region."""

    stage: str = Field(
        pattern=r"^[a-z][a-z0-9-]{0,19}$",
        description="names everything that is deployed; small letters, digits and hyphens",
    )
    prefect: Prefect | None = Field(
        default=None, description="whom cdk deploy tells what runs when"
    )
    secrets: tuple[ManagedSecret, ...] = Field(
        default=(), validate_default=True, description="what wickie rotates"
    )
    honeytokens: tuple[Honeytoken, ...] = Field(default=(), description="what nobody may use")
    scan: Scan = Scan()
    vulnerabilities: Vulnerabilities = Vulnerabilities()
    response: Response = Response()
    events: tuple[EventRule, ...] = Field(default=(), description="what starts flows")
    report: Reporting = Reporting()
    network: Network = Field(default=Network(), validate_default=True)
    image: str = Field(
        default="wickie:latest",
        validate_default=True,
        pattern=r"^\S+$",
        description="container image of the flows, best given by digest",
    )
    alarms: Alarms = Alarms()
    retain: bool = Field(
        default=True, description="keep reports, tables and key when the stacks are deleted"
    )
    encryption: Encryption = Encryption()
    tags: dict[TagKey, TagValue] = Field(
        default={}, max_length=40, description="of everything that is deployed"
    )
    permissions_boundary: str | None = Field(
        default=None,
        pattern=r"^arn:[a-z-]+:iam::(\d{12}|aws):policy/[\w+=,.@/-]+$",
        description="ARN of the policy that bounds every role that is deployed",
    )

    @field_validator("prefect")
    @classmethod
    def _at_its_address(cls, prefect: Prefect | None, others: ValidationInfo) -> Prefect | None:
        stage = others.data.get("stage")
        return prefect.of(stage) if prefect and stage else prefect

    @field_validator("secrets")
    @classmethod
    def _possible(cls, secrets: tuple[ManagedSecret, ...]) -> tuple[ManagedSecret, ...]:
        told_by_pydantic(lambda: check_secrets(secrets))
        return secrets

    @field_validator("secrets")
    @classmethod
    def _and_prefects(
        cls, secrets: tuple[ManagedSecret, ...], others: ValidationInfo
    ) -> tuple[ManagedSecret, ...]:
        prefect, stage = others.data.get("prefect"), others.data.get("stage")
        more = brought_along(stage, prefect) if prefect and stage else None
        return (*(s for s in secrets if s.name != more.name), more) if more else secrets

    @property
    def pusher(self) -> ManagedSecret | None:
        """The secret with the key by which Prefect Cloud starts tasks, where it does."""
        pushes = self.prefect is not None and self.prefect.backend == "cloud-push"
        return self.secrets[-1] if pushes else None

    @field_validator("network")
    @classmethod
    def _leads_there(cls, network: Network, others: ValidationInfo) -> Network:
        scan, secrets = others.data.get("scan", Scan()), others.data.get("secrets", ())
        prefect = others.data.get("prefect")
        if prefect and prefect.server and secrets:
            secrets = secrets[:-1]  # the server's own, which is wherever that is
        told_by_pydantic(lambda: check_reach(network, secrets, scan.targets))
        told_by_pydantic(lambda: check_prefect(network, prefect))
        return network

    @field_validator("image")
    @classmethod
    def _can_be_pulled(cls, image: str, others: ValidationInfo) -> str:
        told_by_pydantic(lambda: check_image(image, others.data.get("network", Network())))
        return image

    @model_validator(mode="after")
    def _nobody_uses_honeytokens(self) -> Config:
        names = [token.name for token in self.honeytokens]
        used = [name for name in names if self.secret(name)]
        if twice := sorted({*used, *(name for name in names if names.count(name) > 1)}):
            raise ValueError(
                f"honeytokens: {', '.join(twice)} stands in this file twice; a honeytoken is "
                f"nothing that rotates, or is used"
            )
        return self

    def suppressions(self, key: bytes, baseline: Path | None = None) -> Suppressions:
        """
        What is not held against targets. Raises `ConfigError` for a baseline that is none.

        Args:
            key: What findings are named with.
            baseline: Another than the one named here.
        """
        return Suppressions(
            self.scan.waivers(),
            self.scan.known(key, baseline),
            tuple(Planted(t.name, t.planted) for t in self.honeytokens),
        )

    def unprinted(self, arns: Collection[str] | None) -> tuple[str, ...]:
        """Of each honeytoken not among those with prints, what to do; None: nobody knows those."""
        if arns is None:
            return ()
        return tuple(
            f"honeytoken {token.name} is not recognised; run wickie honeytoken create"
            for token in self.honeytokens
            if not any(same_secret(token.name, arn) for arn in arns)
        )

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
        return next((s for s in self.secrets if same_secret(s.name, name_or_arn)), None)


def load_config(path: Path) -> Config:
    """Read and validate a wickie.yaml. Raises `ConfigError` with the path of each mistake."""
    try:
        text = path.read_text()
    except OSError as error:
        raise ConfigError(
            f"cannot read {path}: {error.strerror}; name another file, or create it: wickie init"
        ) from None
    return parse_config(text, path)


def parse_config(text: str, path: Path) -> Config:
    """Validate the text of a wickie.yaml, named `path` in what is raised: see `load_config`."""
    try:
        document: Any = read(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not YAML: {' '.join(str(error).split())}") from None
    if not document:
        raise ConfigError(f"{path} is empty; start from wickie.example.yaml")
    try:
        return Config.model_validate(document)
    except ValidationError as error:
        mistakes = "; ".join(
            f"{'.'.join(str(part) for part in e['loc']) or 'top level'}: "
            f"{_PLAINLY.get(e['type'], e['msg'].removeprefix('Value error, '))}"
            for e in error.errors(include_input=False)
            if e["type"] != "default_factory_not_called"  # because of another mistake here
        )
        raise ConfigError(f"{path}: {mistakes}") from None
