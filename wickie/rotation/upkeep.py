"""What every managed secret gets once a night: stuck rotations ended, superseded values retired."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wickie.durations import duration_of
from wickie.errors import ConfigError
from wickie.model import Answer, RepairState
from wickie.rotation.remote import RemoteSecret

if TYPE_CHECKING:
    from datetime import timedelta

    from wickie.aws import Clients

_TAG: Final = "wickie:grace"


@dataclass(frozen=True)
class Upkeep:
    """What was done for one secret, as its rotation function tells it."""

    secret: str
    repair: Answer
    settlement: Answer | None = None
    """None where the rotation was not in order, so that nothing was to be retired."""


def keep_up(clients: Clients, secret: str, given: timedelta | None, usual: timedelta) -> Upkeep:
    """
    Repair, then settle what is sound. Raises what the secret's rotation function raises.

    The grace is the one `given` in wickie.yaml, else the secret's own tag's, else the `usual`.
    """
    found = RemoteSecret.describe(clients, secret)
    repair = found.ask(clients, "repair")
    if repair.state != RepairState.SOUND:
        return Upkeep(found.name, repair)
    grace = _tagged(found, usual) if given is None else given
    seconds = f"{grace.total_seconds():.0f}"
    return Upkeep(found.name, repair, found.ask(clients, "settle", GraceSeconds=seconds))


def _tagged(secret: RemoteSecret, usual: timedelta) -> timedelta:
    tag = secret.tags.get(_TAG)
    if tag is None:
        return usual
    if (grace := duration_of(tag)) is None:
        raise ConfigError(
            f"tag {_TAG} of {secret.name} is no duration; write 90s, 10m, 2h or 1d, or remove it"
        )
    return grace
