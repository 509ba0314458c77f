"""
What wickie does with a version of a secret before and after a rotation.

Secrets Manager never sends these; whoever runs a replacement invokes the rotation function with
them, so that the credential itself need not leave it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from wickie.errors import AuthenticationError, ConfigError, RotationError
from wickie.model import Stage, Verdict
from wickie.providers import C, verify

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wickie.rotation.driver import Rotation
    from wickie.rotation.versions import Versions

    Answer = tuple[Verdict, str]


def act(rotation: Rotation[C], action: str, version_id: str) -> Answer:
    """Carry out one of `ACTIONS` on a version. Returns what became of its credential, and why."""
    if action not in ACTIONS:
        raise ConfigError(f"no action {action!r}; use one of {', '.join(sorted(ACTIONS))}")
    rotation.require_time(action)
    return ACTIONS[action](rotation, version_id)


def _verify(rotation: Rotation[C], version_id: str) -> Answer:
    return verify(rotation.provider, rotation.secret.read(version_id))


def _retire(rotation: Rotation[C], version_id: str) -> Answer:
    """
    Make the target refuse a version that is not in use, and take its label away.

    The label goes last: as long as the version carries it, a retry does all of this again. One
    without a label is left as it is found dead, because its user may serve a later version.
    """
    versions = rotation.secret.versions()
    labels = versions.labels.get(version_id, [])
    for stage in (Stage.CURRENT, Stage.PENDING):
        if stage.label in labels:
            raise RotationError(
                f"version {version_id} of {versions.arn} is {stage.label}; rotate the secret "
                f"first, then retire what becomes AWSPREVIOUS"
            )
    current, old = _current_and(rotation, versions, version_id)
    answer = verify(rotation.provider, old)
    if labels or answer[0] is Verdict.LIVE:
        rotation.rotator.retire(old, current)
        answer = verify(rotation.provider, old)
    if answer[0] is Verdict.LIVE:
        raise RotationError(
            f"version {version_id} of {versions.arn} is still honoured after its retirement; "
            f"revoke the credential of {old.holder} by hand"
        )
    if answer[0] is Verdict.DEAD:
        if Stage.PREVIOUS.label in labels:
            rotation.secret.move(Stage.PREVIOUS, source=version_id)
        _publish_stages(rotation)
    return answer


def _restore(rotation: Rotation[C], version_id: str) -> Answer:
    """Make an earlier version current again: the target first, then the labels."""
    secret, versions = rotation.secret, rotation.secret.versions()
    current_id, pending_id = versions.current(), versions.holder(Stage.PENDING)
    if pending_id not in (None, current_id, version_id):
        raise RotationError(
            f"a rotation of {versions.arn} is under way (version {pending_id}); wait for its end, "
            f"or cancel it and remove the AWSPENDING label"
        )
    current, old = _current_and(rotation, versions, version_id)
    if current_id != version_id:
        rotator = rotation.rotator
        try:
            rotator.test_secret(old, current)
        except AuthenticationError:
            rotator.set_secret(old, current, lambda: None)
            rotator.test_secret(old, current)
        secret.move(Stage.CURRENT, current_id, version_id)
    # AWSPENDING left beside what was AWSCURRENT would have the next RotateSecret refused.
    if pending_id is not None and pending_id != version_id:
        secret.move(Stage.PENDING, source=pending_id)
    _publish_stages(rotation)
    return verify(rotation.provider, old)


ACTIONS: Final[Mapping[str, Callable[[Rotation[Any], str], Answer]]] = {
    "verify": _verify,
    "retire": _retire,
    "restore": _restore,
}


def _current_and(rotation: Rotation[C], versions: Versions, version_id: str) -> tuple[C, C]:
    current = rotation.secret.read(versions.current())
    other = rotation.secret.read(version_id)
    if current.place != other.place:
        raise RotationError(
            f"version {version_id} of {versions.arn} names another system (engine, host, port) "
            f"than AWSCURRENT; deal with its user there by hand"
        )
    return current, other


def _publish_stages(rotation: Rotation[C]) -> None:
    versions = rotation.secret.versions()
    rotation.fingerprints.restage(versions.arn, versions.stages())
