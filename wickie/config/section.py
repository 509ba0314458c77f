"""What every part of wickie.yaml is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ConfigDict

from wickie.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Section(BaseModel):
    """Base of every part of wickie.yaml: frozen, and a key it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def told_by_pydantic(ask: Callable[[], T]) -> T:
    """Let pydantic say where in wickie.yaml a `ConfigError` has its cause."""
    try:
        return ask()
    except ConfigError as error:
        raise ValueError(str(error)) from None
