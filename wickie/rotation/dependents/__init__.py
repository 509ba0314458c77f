"""
What uses a secret and must be told of its new value: one module per kind.

A kind is a class that is made from a `Declared` and has the methods of `Dependent`; `registry.py`
says by which name wickie.yaml declares it.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self, runtime_checkable

from wickie.rotation.remote import RemoteSecret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wickie.aws import Clients
    from wickie.model import DependentOutcome


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

    @property
    def mark(self) -> str:
        """
        Tells the secret from others that the same dependent uses, by name or ARN alike.

        A digest of its name, because not everything that is marked takes a name's characters.
        """
        name = re.sub(r"^arn:[^:]+:secretsmanager:[^:]*:\d*:secret:(.+)-\w{6}$", r"\1", self.secret)
        return hashlib.sha256(name.encode()).hexdigest()[:12]


class Dependent(Protocol):
    """Something that goes on with an old value unless it is told."""

    @property
    def name(self) -> str:
        """How a person knows it."""

    def check(self) -> None:
        """Raise what ails it already, as `NotFoundError` if it does not exist; change nothing."""

    def refresh(self, version: str) -> DependentOutcome:
        """Have it use the secret's `version`, once, and wait until it is well or is not."""


@runtime_checkable
class StartedAnew(Dependent, Protocol):
    """Something that is started anew, and then reads every secret it uses."""

    @property
    def mark(self) -> str:
        """See `Declared`: by which it keeps the versions of its secrets apart."""

    def refresh_for(self, versions: Mapping[str, str]) -> DependentOutcome:
        """Refresh it once for several secrets: their versions, by their marks."""


class Kind(Dependent, Protocol):
    """A dependent that wickie.yaml can declare."""

    EXCLUSIVE: ClassVar[bool]
    """Whether two secrets must not refresh it at once, because it goes down for that."""
    PERMISSIONS: ClassVar[tuple[str, ...]]
    """What whoever refreshes it may do, on exactly what was declared."""
    OPTIONS: ClassVar[tuple[str, ...]]
    """Keys of its entry in wickie.yaml, beside `kind`."""

    @classmethod
    def declared(cls, entry: Declared) -> Self:
        """Make one as declared."""
