"""What every part of wickie.yaml is made of."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Annotated, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from wickie.durations import duration_of
from wickie.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def _duration(value: object) -> object:
    """Read `90s`, `10m`, `2h`, `1d`; leave anything else to pydantic's own reading."""
    duration = duration_of(value) if isinstance(value, str) else None
    return value if duration is None else duration


Duration = Annotated[
    timedelta,
    BeforeValidator(_duration),
    WithJsonSchema(
        {"type": "string", "pattern": r"^\d+\s*[smhd]$", "examples": ["90s", "10m", "2h", "1d"]}
    ),
]


class Section(BaseModel):
    """Base of every part of wickie.yaml: frozen, and a key it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Ignored(Section):
    """A person's word that something may stay until a day; then it counts again."""

    owner: str = Field(min_length=1, description="who answers for it")
    reason: str = Field(min_length=1, description="why it may stay")
    until: date = Field(description="the last day that it may")


def told_by_pydantic(ask: Callable[[], T]) -> T:
    """Let pydantic say where in wickie.yaml a `ConfigError` has its cause."""
    try:
        return ask()
    except ConfigError as error:
        raise ValueError(str(error)) from None
