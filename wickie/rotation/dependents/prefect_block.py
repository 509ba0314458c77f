"""
A block of a Prefect server that holds a copy of the secret's value.

The copy is made inside the secret's own rotation function (`wickie.rotation.delivery`), which
knows from its settings which blocks those are: who asks for it neither sees the value nor says
where it goes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Self

from wickie.https import place
from wickie.model import DependentOutcome, DependentState

if TYPE_CHECKING:
    from wickie.rotation.dependents import Declared


@dataclass(frozen=True)
class PrefectBlock:
    """Well when the server shows the new value in it."""

    PERMISSIONS: ClassVar[tuple[str, ...]] = (
        "lambda:InvokeFunction",
        "secretsmanager:DescribeSecret",
    )
    OPTIONS: ClassVar[tuple[str, ...]] = ("api_url", "block", "fields", "api_key", "auth_string")
    EXCLUSIVE: ClassVar[bool] = True

    entry: Declared = field(repr=False)
    api_url: str
    block: str

    @classmethod
    def declared(cls, entry: Declared) -> Self:
        """See `Kind`."""
        return cls(entry, entry.options["api_url"], entry.options["block"])

    @property
    def name(self) -> str:
        return f"Prefect block {self.block} at {place(self.api_url)}"

    def check(self) -> None:
        """Raise `NotFoundError` if the block does not exist."""
        self._ask("locate")

    def refresh(self, version: str) -> DependentOutcome:  # noqa: ARG002  (the one in use is copied)
        """Have the value in use copied, unless the block holds it."""
        return DependentOutcome(self.name, DependentState.REFRESHED, self._ask("deliver"))

    def _ask(self, action: str) -> str:
        asked = {"Action": action, "Server": self.api_url, "Block": self.block}
        return self.entry.describe().tell(self.entry.clients, asked)
