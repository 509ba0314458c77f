"""
AWSPREVIOUS is retired on evidence: when its grace is over, and nobody uses it any more.

With no `Witness` among the engine's provider, the grace alone decides.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from wickie.errors import ConfigError, RotationError
from wickie.model import Answer, SettleState, Stage, Verdict
from wickie.providers import ByLabel, C, Witness, verify
from wickie.rotation.driver import publish_stages
from wickie.rotation.lifecycle import retire_alone

if TYPE_CHECKING:
    from wickie.rotation.driver import Rotation
    from wickie.rotation.versions import Versions

GRACE: Final = timedelta(days=1)


def settle(rotation: Rotation[C], grace: timedelta) -> Answer:
    """Retire AWSPREVIOUS if it may go; otherwise say who or what keeps it."""
    seen = rotation.secret.versions()
    if waiting := _too_early(seen, grace):
        return waiting
    with rotation.alone(seen, "settle") as versions:
        if waiting := _too_early(versions, grace):
            return waiting
        previous_id = versions.holder(Stage.PREVIOUS) or ""
        try:
            return _decided(rotation, versions, previous_id, datetime.now(UTC) - grace)
        except RotationError as error:
            return _kept(str(error))


def _too_early(versions: Versions, grace: timedelta) -> Answer | None:
    previous_id, pending_id = versions.holder(Stage.PREVIOUS), versions.holder(Stage.PENDING)
    if previous_id is None:
        return Answer(Verdict.UNKNOWN, "no AWSPREVIOUS", state=SettleState.NOTHING)
    if pending_id not in (None, versions.current()):
        return _kept("a rotation is under way")
    # Any change to the secret counts: no date tells when a label moved without a rotation.
    changes = [moment for moment in (versions.rotated, versions.changed) if moment]
    until = max(changes, default=datetime.now(UTC)) + grace
    if datetime.now(UTC) < until:
        return _kept(f"its grace lasts until {until.astimezone(UTC):%Y-%m-%d %H:%M} UTC")
    return None


def _decided(
    rotation: Rotation[C], versions: Versions, previous_id: str, since: datetime
) -> Answer:
    current, old = rotation.secret.read(versions.current()), _superseded(rotation, previous_id)
    if current.place != old.place:
        return _kept("it is for another system than AWSCURRENT; deal with its user there by hand")
    verdict, detail = verify(rotation.provider, current)
    if verdict is not Verdict.LIVE:
        return _kept(f"AWSCURRENT gives {verdict} ({detail}); see wickie repair")
    verdict, detail = verify(rotation.provider, old)
    if verdict is Verdict.UNKNOWN:
        return _kept(f"the system could not be asked ({detail})")
    if verdict is Verdict.DEAD:
        # No one signs in with it any more; to end the sessions of a user who serves AWSCURRENT
        # too is for leaks, and not for every night.
        rotation.secret.move(Stage.PREVIOUS, source=previous_id)
        publish_stages(rotation)
        return Answer(verdict, detail, state=SettleState.RETIRED)
    if isinstance(rotation.provider, Witness) and (
        use := rotation.provider.used_since(old, current, since)
    ):
        return replace(_kept(use), verdict=verdict)
    answer = retire_alone(rotation, versions, previous_id)
    retired = answer.verdict is Verdict.DEAD or isinstance(rotation.provider, ByLabel)
    return replace(answer, state=SettleState.RETIRED if retired else SettleState.KEPT)


def _superseded(rotation: Rotation[C], version_id: str) -> C:
    """
    Read AWSPREVIOUS. Raises `RotationError` where it is nothing that could be presented.

    CloudFormation makes such a one, before it knows where the database is.
    """
    try:
        return rotation.secret.read(version_id)
    except ConfigError as error:
        raise RotationError(f"AWSPREVIOUS is no credential ({error})") from None


def _kept(why: str) -> Answer:
    return Answer(Verdict.UNKNOWN, why, state=SettleState.KEPT)
