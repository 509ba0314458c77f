"""
What wickie does with a version of a secret before and after a rotation.

Secrets Manager never sends these; whoever runs a replacement invokes the rotation function with
them, so that the credential itself need not leave it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wickie.errors import AuthenticationError, RotationError
from wickie.model import Answer, Stage, Verdict
from wickie.providers import ByLabel, C
from wickie.providers import verify as ask
from wickie.rotation.driver import publish_stages

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wickie.rotation.driver import Rotation
    from wickie.rotation.versions import Versions


def verify(rotation: Rotation[C], version_id: str) -> Answer:
    """Ask the target whether it honours a version."""
    credential = rotation.secret.read(version_id)
    labels = rotation.versions.labels.get(version_id, [])
    return _unlabelled(rotation, labels) or Answer(*ask(rotation.provider, credential))


def retire(rotation: Rotation[C], version_id: str) -> Answer:
    """Make the target refuse a version that is not in use, and take its label away."""
    with rotation.alone(rotation.secret.versions(), f"retire {version_id}") as versions:
        return retire_alone(rotation, versions, version_id)


def retire_alone(rotation: Rotation[C], versions: Versions, version_id: str) -> Answer:
    """
    Retire, for who is `alone`.

    The label goes last, but where it is what is honoured (`ByLabel`): as long as the version
    carries it, a retry does all of this again. One without a label is left as it is found dead,
    because its user may serve a later version.
    """
    labels = versions.labels.get(version_id, [])
    for stage in (Stage.CURRENT, Stage.PENDING):
        if stage.label in labels:
            raise RotationError(
                f"version {version_id} of {versions.arn} is {stage.label}; rotate the secret "
                f"first, then retire what becomes AWSPREVIOUS"
            )
    current, old = _current_and(rotation, versions, version_id)
    _require_honoured(rotation, versions, current)
    if by_label := isinstance(rotation.provider, ByLabel):
        _take_label(rotation, labels, version_id)
        if unknown := _unlabelled(rotation, ()):
            return unknown
    answer = ask(rotation.provider, old)
    if labels or answer[0] is Verdict.LIVE:
        rotation.rotator.retire(old, current)
        answer = ask(rotation.provider, old)
    if answer[0] is Verdict.LIVE:
        raise _still_honoured(versions, version_id, old, by_label=by_label)
    if answer[0] is Verdict.DEAD and not by_label:
        _take_label(rotation, labels, version_id)
    return Answer(*answer)


def restore(rotation: Rotation[C], version_id: str) -> Answer:
    """
    Make AWSPREVIOUS current again: the target first, then the labels.

    While the target changes, the version carries AWSPENDING: cut off there, this is a rotation
    like any other, which a repair ends.
    """
    with rotation.alone(rotation.secret.versions(), f"restore {version_id}") as versions:
        secret, current_id = rotation.secret, versions.current()
        _require_restorable(versions, version_id)
        current, old = _current_and(rotation, versions, version_id)
        if current_id != version_id:
            _honour_again(rotation, versions, version_id, old, current)
            secret.move(Stage.CURRENT, current_id, version_id)
        # AWSPENDING left beside what was AWSCURRENT would have the next RotateSecret refused.
        if pending_id := secret.versions().holder(Stage.PENDING):
            secret.move(Stage.PENDING, source=pending_id)
        publish_stages(rotation)
        return Answer(*ask(rotation.provider, old))


def take_over(rotation: Rotation[C], version_id: str) -> Answer:
    """Have the user be for this secret from now on, provided that the version lets it in."""
    credential = rotation.secret.read(version_id)
    answer = Answer(*ask(rotation.provider, credential))
    if answer.verdict is not Verdict.LIVE:
        raise RotationError(
            f"{rotation.secret.id} may not take {credential.holder} over, because its value is "
            f"not honoured ({answer.detail}); put the working one into it"
        )
    rotation.leases.keep(credential, rotation.secret.versions().arn)
    return answer


def _take_label(rotation: Rotation[C], labels: Sequence[str], version_id: str) -> None:
    if Stage.PREVIOUS.label in labels:
        rotation.secret.move(Stage.PREVIOUS, source=version_id)
    publish_stages(rotation)


def _still_honoured(
    versions: Versions, version_id: str, old: C, *, by_label: bool
) -> RotationError:
    remedy = f"revoke the credential of {old.holder} by hand"
    if by_label:
        remedy = f"it carries no label any more: have the consumers of key {old.holder} read again"
    return RotationError(
        f"version {version_id} of {versions.arn} is still honoured after its retirement; {remedy}"
    )


def _unlabelled(rotation: Rotation[C], labels: Sequence[str]) -> Answer | None:
    """What is known of a version by its labels alone, where nobody can be asked; else None."""
    if labels or not isinstance(rotation.provider, ByLabel):
        return None
    why = rotation.provider.unasked()
    detail = f"it carries no label, so its consumers drop it as they read the secret again; {why}"
    return Answer(Verdict.UNKNOWN, detail) if why else None


def _honour_again(
    rotation: Rotation[C], versions: Versions, version_id: str, old: C, current: C
) -> None:
    rotator = rotation.rotator
    try:
        rotator.test_secret(old, current)
    except AuthenticationError:
        pending_id = versions.holder(Stage.PENDING)
        if pending_id != version_id:
            rotation.secret.move(Stage.PENDING, pending_id, version_id)
        rotator.set_secret(old, current, lambda: None)
        rotator.test_secret(old, current)


def _require_restorable(versions: Versions, version_id: str) -> None:
    pending_id = versions.holder(Stage.PENDING)
    if pending_id not in (None, versions.current(), version_id):
        raise RotationError(
            f"a rotation of {versions.arn} is under way (version {pending_id}); wait for its end, "
            f"or run wickie repair"
        )
    if not versions.labels.get(version_id):
        raise RotationError(
            f"version {version_id} of {versions.arn} is retired and stays so; "
            f"rotate the secret, which makes a new value"
        )


def _require_honoured(rotation: Rotation[C], versions: Versions, current: C) -> None:
    """Nothing is retired where it could be the only value that is honoured."""
    try:
        rotation.provider.sign_in(current)
    except AuthenticationError as error:
        raise RotationError(
            f"AWSCURRENT of {versions.arn} is not honoured ({error}), so nothing older is retired; "
            f"run wickie repair first"
        ) from None


def _current_and(rotation: Rotation[C], versions: Versions, version_id: str) -> tuple[C, C]:
    current = rotation.secret.read(versions.current())
    other = rotation.secret.read(version_id)
    if current.place != other.place:
        raise RotationError(
            f"version {version_id} of {versions.arn} names another system (engine, host, port) "
            f"than AWSCURRENT; deal with its user there by hand"
        )
    return current, other
