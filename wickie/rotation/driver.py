"""
The four steps of a Secrets Manager rotation, once, for every kind of credential.

Secrets Manager invokes the same function four times with the same token and may repeat any
step, or all of them, so each step first asks whether its work is already done. AWSPENDING is
the write-ahead log: the new value is stored before anything outside Secrets Manager changes.

https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_how.html
"""

from __future__ import annotations

import enum
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, runtime_checkable

from wickie.credentials import Sensitive
from wickie.errors import (
    AuthenticationError,
    ConfigError,
    Error,
    ProviderError,
    ProviderUnavailableError,
    RotationError,
)
from wickie.model import Stage
from wickie.providers import C, Sweeper

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from wickie.providers import Provider
    from wickie.rotation.leases import Leases
    from wickie.rotation.versions import Secret, Versions

# A step signs in three times and may wait 5 s for a lock; what is begun must not be cut off.
_NEEDED_SECONDS: Final = 15.0


class Step(enum.StrEnum):
    """The steps, in the order and by the names Secrets Manager sends."""

    CREATE = "createSecret"
    SET = "setSecret"
    TEST = "testSecret"
    FINISH = "finishSecret"


@dataclass(frozen=True)
class RotationEvent:
    """What Secrets Manager passes to a rotation function."""

    step: Step
    token: str
    """Id of the version that is to become current."""
    rotation_token: Sensitive | None = None
    """Proof that Secrets Manager asked; PutSecretValue wants it, and no log does."""

    @classmethod
    def parse(cls, event: Mapping[str, str]) -> RotationEvent:
        """Read an invocation. Raises `ConfigError` for what Secrets Manager would not send."""
        try:
            step, token = Step(event["Step"]), event["ClientRequestToken"]
        except (KeyError, ValueError):
            raise ConfigError(
                "not a rotation event: it needs Step, SecretId and ClientRequestToken as "
                "Secrets Manager sends them"
            ) from None
        proof = event.get("RotationToken")
        return cls(step, token, Sensitive(proof) if proof else None)


class Rotator(Protocol[C]):
    """
    How one kind of credential is replaced.

    A rotator talks to the system behind the credential and never to the secret. Every method
    may be called again with the same arguments. `previous` reads AWSPREVIOUS when it is called:
    None where there is none, or one of another place.
    """

    def create_secret(self, current: C, previous: Callable[[], C | None], token: str) -> C:
        """Return the credential that is to succeed `current`; `token` is one rotation's."""

    def set_secret(self, pending: C, current: C, previous: Callable[[], C | None]) -> None:
        """Make the system honour `pending`; abandon where `current` is not what it should be."""

    def test_secret(self, pending: C, current: C) -> None:
        """
        Sign in afresh as `pending`, changing nothing.

        Raises:
            AuthenticationError: it is not honoured.
            LesserRightsError: it may do less than `current` may.
        """

    def retire(self, old: C, current: C) -> None:
        """Make the system refuse `old`, and end the sessions that were opened with it."""


@runtime_checkable
class Discarding(Protocol):
    """A rotator whose `create_secret` leaves something in the system."""

    def discard(self, unused: Any, current: Any) -> None:
        """Have the system honour `unused` no more, which nobody ever got."""


class Fingerprints(Protocol):
    """Where versions of secrets are published so that a scanner recognises them."""

    def publish(self, arn: str, version_id: str, stage: Stage, value: Sensitive) -> None:
        """Make a version recognisable, if its value is long and random enough."""

    def restage(self, arn: str, stages: Mapping[str, Stage]) -> None:
        """Set the stage of every published version; those not named are retired."""


@dataclass(frozen=True)
class Rotation(Generic[C]):
    """One secret under rotation: where its versions are, who changes the target, who is told."""

    secret: Secret[C]
    versions: Versions
    """As they stood when the function was invoked."""
    provider: Provider[C]
    rotator: Rotator[C]
    fingerprints: Fingerprints
    leases: Leases
    seconds_left: Callable[[], float]

    def require_time(self, purpose: str) -> None:
        """Raise rather than begin what the function's timeout would cut off half-way."""
        left = self.seconds_left()
        if left < _NEEDED_SECONDS:
            raise ProviderUnavailableError(
                f"{purpose} of {self.secret.id} not begun with {left:.0f} s left; "
                f"raise the function's timeout to 60 s"
            )

    @contextmanager
    def alone(self, seen: Versions, purpose: str, *, go_on: bool = False) -> Iterator[Versions]:
        """
        Keep others off whom AWSCURRENT lets in; see `Leases.held`. Yields the versions.

        They are read anew: whoever was first may have moved on those that were `seen` before.
        """
        user = self.secret.read(seen.current())
        with self.leases.held(user, seen.arn, purpose, go_on=go_on):
            yield self.secret.versions()


def rotate(rotation: Rotation[C], event: RotationEvent) -> None:
    """
    Carry out the one step that `event` names.

    Raises:
        RotationError: the versions are not staged as the step requires.
        ProviderError: the system behind the credential refused or could not be asked.
    """
    versions = rotation.versions
    labels = versions.labels.get(event.token, [])
    if Stage.CURRENT.label in labels:
        # A retry after promotion: only what follows the promotion may still be undone.
        user = rotation.secret.read(event.token)
        rotation.leases.give_back(user, versions.arn, event.token)
        rotation.fingerprints.restage(versions.arn, versions.stages())
        return
    _require_pending(versions, event)
    rotation.require_time(event.step)
    _STEPS[event.step](rotation, versions, event)


def _create(rotation: Rotation[C], versions: Versions, event: RotationEvent) -> None:
    secret = rotation.secret
    current_id = versions.current()
    current = secret.read(current_id)
    if secret.find(event.token) is None:
        pending = rotation.rotator.create_secret(
            current,
            lambda: _previous(rotation, _undecided(rotation, versions, event.token), current),
            event.token,
        )
        if not secret.store_pending(event.token, pending, event.rotation_token):
            _discard(rotation, pending, current)
    stored = secret.read(event.token)
    if isinstance(rotation.provider, Sweeper):
        rotation.provider.sweep(stored, current, event.token)
    # The current value too: no earlier rotation published the one a secret was made with.
    rotation.fingerprints.publish(versions.arn, current_id, Stage.CURRENT, current.secret)
    rotation.fingerprints.publish(versions.arn, event.token, Stage.PENDING, stored.secret)


def _undecided(rotation: Rotation[C], seen: Versions, token: str) -> Versions:
    """Read the versions anew. Of two runs of a step, the slower must not undo the other's work."""
    versions = rotation.secret.versions()
    if versions.current() != seen.current() or rotation.secret.find(token):
        raise RotationError(f"{versions.arn} got its new value meanwhile; try again, to use it")
    return versions


def _discard(rotation: Rotation[C], unused: C, current: C) -> None:
    """Take back what was made and could not be stored: the retry would find nothing to do."""
    if not isinstance(rotation.rotator, Discarding):
        return
    try:
        rotation.rotator.discard(unused, current)
    except Error as error:
        raise RotationError(
            f"{unused.holder} was made for {rotation.secret.id} although the version has another "
            f"value, and could not be revoked ({error}); revoke it by hand"
        ) from None


def _set(rotation: Rotation[C], seen: Versions, event: RotationEvent) -> None:
    rotator = rotation.rotator
    with rotation.alone(seen, event.token, go_on=True) as versions:
        _require_pending(versions, event)
        current, pending = _current_and_pending(rotation, versions, event.token)
        try:
            rotator.test_secret(pending, current)
        except AuthenticationError:
            rotation.require_time(event.step)
            with _told_if_refused(versions.arn):
                rotator.set_secret(pending, current, lambda: _previous(rotation, versions, current))


def _test(rotation: Rotation[C], versions: Versions, event: RotationEvent) -> None:
    current, pending = _current_and_pending(rotation, versions, event.token)
    rotation.rotator.test_secret(pending, current)


def _finish(rotation: Rotation[C], seen: Versions, event: RotationEvent) -> None:
    with rotation.alone(seen, event.token) as versions:
        _require_pending(versions, event)
        promote(rotation, versions, event.token)


def promote(rotation: Rotation[C], versions: Versions, version_id: str) -> None:
    """Make a version current, provided that the system honours it afresh. For who is `alone`."""
    current, pending = _current_and_pending(rotation, versions, version_id)
    rotation.rotator.test_secret(pending, current)
    rotation.leases.keep(pending, versions.arn)
    rotation.secret.move(Stage.CURRENT, versions.current(), version_id)
    publish_stages(rotation)


def publish_stages(rotation: Rotation[C]) -> None:
    """Have the fingerprints say what the labels say."""
    versions = rotation.secret.versions()
    rotation.fingerprints.restage(versions.arn, versions.stages())


_STEPS: Final[Mapping[Step, Callable[[Rotation[Any], Versions, RotationEvent], None]]] = {
    Step.CREATE: _create,
    Step.SET: _set,
    Step.TEST: _test,
    Step.FINISH: _finish,
}


def _require_pending(versions: Versions, event: RotationEvent) -> None:
    if Stage.PENDING.label not in versions.labels.get(event.token, []):
        raise RotationError(
            f"version {event.token} of {versions.arn} is not AWSPENDING; start a new rotation"
        )


@contextmanager
def _told_if_refused(arn: str) -> Iterator[None]:
    """Say how to go on where the system refuses the new value: it would be offered for ever."""
    try:
        yield
    except (AuthenticationError, ProviderUnavailableError):
        raise
    except ProviderError as error:
        raise ProviderError(
            f"{error}; if it is the new value that is refused, correct passwords in wickie.yaml, "
            f"run cdk deploy, then wickie repair --yes --rotate {arn}"
        ) from None


def _current_and_pending(rotation: Rotation[C], versions: Versions, pending_id: str) -> tuple[C, C]:
    current = rotation.secret.read(versions.current())
    pending = rotation.secret.read(pending_id)
    if current.place != pending.place:
        raise RotationError(
            f"AWSPENDING of {versions.arn} names another system than AWSCURRENT (engine, host, "
            f"port); abandoned, run wickie repair {versions.arn}, then rotate again"
        )
    return current, pending


def _previous(rotation: Rotation[C], versions: Versions, current: C) -> C | None:
    version = versions.holder(Stage.PREVIOUS)
    previous = rotation.secret.find(version) if version else None
    # Of another place, it is not for the system that `current` names.
    return previous if previous and previous.place == current.place else None
