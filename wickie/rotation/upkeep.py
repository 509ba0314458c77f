"""What every managed secret gets once a night: stuck rotations ended, superseded values retired."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wickie.model import Answer, RepairState
from wickie.rotation.remote import RemoteSecret

if TYPE_CHECKING:
    from datetime import timedelta

    from wickie.aws import Clients


@dataclass(frozen=True)
class Upkeep:
    """What was done for one secret, as its rotation function tells it."""

    secret: str
    repair: Answer
    settlement: Answer | None = None
    """None where the rotation was not in order, so that nothing was to be retired."""


def keep_up(clients: Clients, secret: str, grace: timedelta) -> Upkeep:
    """Repair, then settle what is sound. Raises what the secret's rotation function raises."""
    found = RemoteSecret.describe(clients, secret)
    repair = found.ask(clients, "repair")
    if repair.state != RepairState.SOUND:
        return Upkeep(found.name, repair)
    seconds = f"{grace.total_seconds():.0f}"
    return Upkeep(found.name, repair, found.ask(clients, "settle", GraceSeconds=seconds))
