"""What a person has decided to live with: with an owner, a reason and an end. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wickie.model import Suppression

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date


@dataclass(frozen=True)
class Waiver:
    """A person's word that what was found may stay, until a day."""

    about: str
    """What was found, by the name it is known by."""
    owner: str
    reason: str
    until: date
    """The last day it counts."""

    @property
    def by(self) -> str:
        """Where it stands."""
        return "wickie.yaml"

    @property
    def suppression(self) -> Suppression:
        """What a finding that it is about is marked with."""
        return Suppression(self.by, self.reason, self.owner, self.until)

    def holds(self, today: date) -> bool:
        """Whether it still counts."""
        return today <= self.until


def ended(waivers: Iterable[Waiver], today: date) -> tuple[str, ...]:
    """Each waiver that no longer counts, to be told."""
    return tuple(
        f"the ignore of {each.about} by {each.owner} ended on {each.until}; renew it or fix it"
        for each in waivers
        if not each.holds(today)
    )
