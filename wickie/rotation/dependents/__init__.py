"""
What uses a secret and must be told of its new value: one module per kind.

A kind is a class that is made from a `Declared` and has the methods of `Dependent`; `registry.py`
says by which name wickie.yaml declares it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

from wickie.errors import Error
from wickie.model import DependentOutcome, DependentState
from wickie.rotation.remote import RemoteSecret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wickie.aws import Clients


@dataclass(frozen=True)
class Declared:
    """An entry under a secret's `dependents`, and the clients to act on it with."""

    secret: str
    """Name or ARN."""
    options: Mapping[str, Any]
    """What wickie.yaml says of it, with the defaults filled in."""
    clients: Clients = field(repr=False)

    def describe(self) -> RemoteSecret:
        """Look the secret up, for a kind that has to name it. Needs DescribeSecret."""
        return RemoteSecret.describe(self.clients, self.secret)


class Dependent(Protocol):
    """Something that goes on with an old value unless it is told."""

    @property
    def name(self) -> str:
        """How a person knows it."""

    def check(self) -> None:
        """Raise what ails it already, as `NotFoundError` if it does not exist; change nothing."""

    def refresh(self, version: str) -> DependentOutcome:
        """Have it use the secret's `version`, once, and wait until it is well or is not."""


class Kind(Dependent, Protocol):
    """A dependent that wickie.yaml can declare."""

    PERMISSIONS: ClassVar[tuple[str, ...]]
    """What whoever refreshes it may do, on exactly what was declared."""
    OPTIONS: ClassVar[tuple[str, ...]]
    """Keys of its entry in wickie.yaml, beside `kind`."""

    @classmethod
    def declared(cls, entry: Declared) -> Self:
        """Make one as declared."""


def refreshed(dependent: Dependent, version: str) -> DependentOutcome:
    """Refresh it; that it could not even be asked makes it unhealthy too."""
    try:
        return dependent.refresh(version)
    except Error as error:
        return DependentOutcome(dependent.name, DependentState.UNHEALTHY, str(error))
