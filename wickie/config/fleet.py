"""What a run over many secrets is given: which of them, and how far it may go."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, field_validator, model_validator

from wickie.config.section import Section, told_by_pydantic
from wickie.errors import ConfigError
from wickie.providers.registry import find_engine

if TYPE_CHECKING:
    from wickie.config import Config, ManagedSecret


class Selection(Section):
    """Managed secrets that fulfil all that is said here."""

    everything: bool = Field(default=False, description="all secrets of wickie.yaml")
    names: tuple[str, ...] = Field(default=(), description="names or ARNs")
    pattern: str | None = Field(
        default=None, description="of the name, with * and ?, as in shop/*", min_length=1
    )
    engine: str | None = None
    group: str | None = Field(default=None, description="as wickie.yaml says", min_length=1)

    @field_validator("engine")
    @classmethod
    def _known(cls, engine: str | None) -> str | None:
        if engine:
            told_by_pydantic(lambda: find_engine(engine))
        return engine

    @model_validator(mode="after")
    def _meant(self) -> Selection:
        said = bool(self.names or self.pattern or self.engine or self.group)
        if said == self.everything:
            raise ValueError("give names, pattern, engine or group, or set everything and no more")
        return self

    def of(self, config: Config) -> list[ManagedSecret]:
        """Find them. Raises `ConfigError` for a name that is not managed, and if none is left."""
        named = {name: config.secret(name) for name in self.names}
        if unknown := sorted(name for name, secret in named.items() if secret is None):
            raise ConfigError(
                f"{', '.join(unknown)}: not managed; add it to wickie.yaml and run cdk deploy"
            )
        meant = {secret.name for secret in named.values() if secret}
        found = [
            secret
            for secret in config.secrets
            if (not meant or secret.name in meant)
            and (self.pattern is None or fnmatchcase(secret.name, self.pattern))
            and (self.engine in (None, secret.engine))
            and (self.group in (None, secret.group))
        ]
        if not found:
            raise ConfigError("no managed secret is selected; see wickie.yaml for what there is")
        return found


class Limits(Section):
    """How much a run may do at once, and when it has done enough harm."""

    at_once: Annotated[int, Field(ge=1, le=64)] = 8
    canary: Annotated[int, Field(ge=0)] = Field(
        default=1, description="so many are rotated first, alone; one that fails stops the run"
    )
    per_hour: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="no more are begun in any hour; the run waits"
    )
    failures: Annotated[int, Field(ge=1)] = Field(
        default=5, description="nothing more is begun once so many have failed"
    )
    percent: Annotated[float, Field(gt=0, le=100)] | None = Field(
        default=None, description="likewise, once such a share of all has failed"
    )
