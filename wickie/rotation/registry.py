"""From a function's settings to the rotation of one secret: which strategy, provider and table."""

from __future__ import annotations

import json
import pkgutil
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from wickie.asking import asking
from wickie.errors import ConfigError
from wickie.fingerprints import FingerprintTable, publishable, working_key
from wickie.model import to_jsonable
from wickie.providers import Context
from wickie.providers.registry import find_engine
from wickie.rotation.driver import Rotation, RotationEvent, rotate
from wickie.rotation.leases import Leases
from wickie.rotation.passwords import PasswordsOf
from wickie.rotation.strategies import Means, find_strategy
from wickie.rotation.versions import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from wickie.aws import Clients
    from wickie.credentials import DatabaseLogin, Sensitive
    from wickie.model import Stage
    from wickie.providers import Provider

DELIVERY: Final = "wickie.rotation.delivery"
_DELIVERIES: Final = ("deliver", "locate")
_REQUIRED: Final = (
    "WICKIE_ENGINE",
    "WICKIE_STRATEGY",
    "WICKIE_FINGERPRINT_TABLE",
    "WICKIE_FINGERPRINT_KEY",
)


@dataclass(frozen=True)
class RotationSettings:
    """What the rotation stack tells a function by its environment."""

    engine: str
    strategy: str
    fingerprint_table: str
    fingerprint_key: str
    master: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    passwords: Mapping[str, Any] = field(default_factory=dict)
    """What wickie.yaml says of them; the rest is for the secret's tags to say."""
    blocks: Sequence[Mapping[str, Any]] = ()
    """Blocks of Prefect servers that may be given the value; see `delivery`."""
    ca_bundle: str | None = None

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> RotationSettings:
        """Read the environment. Raises `ConfigError` for what is missing or unknown."""
        missing = [name for name in _REQUIRED if not environment.get(name)]
        if missing:
            raise ConfigError(
                f"the function's environment lacks {', '.join(missing)}; run cdk deploy"
            )
        return cls(
            engine=environment["WICKIE_ENGINE"],
            strategy=environment["WICKIE_STRATEGY"],
            fingerprint_table=environment["WICKIE_FINGERPRINT_TABLE"],
            fingerprint_key=environment["WICKIE_FINGERPRINT_KEY"],
            master=environment.get("WICKIE_MASTER"),
            options=json.loads(environment.get("WICKIE_OPTIONS", "{}")),
            passwords=json.loads(environment.get("WICKIE_PASSWORDS", "{}")),
            blocks=json.loads(environment.get("WICKIE_BLOCKS", "[]")),
            ca_bundle=environment.get("WICKIE_CA_BUNDLE"),
        )


@dataclass(frozen=True)
class PublishedFingerprints:
    """The `Fingerprints` of one function: its table, and the key that only some may use."""

    clients: Clients = field(repr=False)
    settings: RotationSettings

    def publish(self, arn: str, version_id: str, stage: Stage, value: Sensitive) -> None:
        """See `Fingerprints`."""
        if publishable(value.reveal()):  # else there is no need to ask for the key
            self._table().publish(arn, version_id, stage, value, self._key)

    def restage(self, arn: str, stages: Mapping[str, Stage]) -> None:
        """See `Fingerprints`."""
        self._table().restage(arn, stages)

    @cached_property
    def _key(self) -> bytes:
        return working_key(self.clients.kms, self.settings.fingerprint_key)

    def _table(self) -> FingerprintTable:
        return FingerprintTable(self.clients.dynamodb, self.settings.fingerprint_table)


def respond(
    event: Mapping[str, str],
    settings: RotationSettings,
    clients: Clients,
    seconds_left: Callable[[], float],
) -> dict[str, str] | None:
    """Answer one invocation: a step of Secrets Manager's, or an action of wickie's own."""
    if not event.get("SecretId"):
        raise ConfigError("the event lacks SecretId; name the secret to act on")

    step = None if "Action" in event else RotationEvent.parse(event)
    with asking(f"secret {event['SecretId']}"):
        rotation = open_rotation(event["SecretId"], settings, clients, seconds_left)
        if step:
            rotate(rotation, step)
            return None
        return _act(rotation, event, settings, clients)


def _act(
    rotation: Rotation[Any], event: Mapping[str, str], settings: RotationSettings, clients: Clients
) -> dict[str, str]:
    # A cold step does without them: Lambda compiles anew whatever a new environment imports.
    from wickie.rotation.actions import act  # noqa: PLC0415

    if event["Action"] in _DELIVERIES:
        if not settings.blocks:
            raise ConfigError(
                "no block is declared for this secret; declare it under dependents in wickie.yaml "
                "and run cdk deploy"
            )
        # Named in a string: the zip of a function that fills no block is without it.
        deliver = pkgutil.resolve_name(DELIVERY).act
        blocks, ca_bundle = settings.blocks, settings.ca_bundle
        return {"detail": deliver(rotation, event, blocks, clients, ca_bundle)}
    answer: dict[str, str] = to_jsonable(replace(act(rotation, event), strategy=settings.strategy))
    return answer


def open_rotation(
    secret_id: str,
    settings: RotationSettings,
    clients: Clients,
    seconds_left: Callable[[], float],
) -> Rotation[Any]:
    """Put together what rotates one secret. Raises `ConfigError`, or `NotFoundError`."""
    context = Context(clients, settings.options, settings.ca_bundle, seconds_left)
    engine, strategy = find_engine(settings.engine), find_strategy(settings.strategy)
    if settings.strategy not in engine.strategies:
        raise ConfigError(
            f"{settings.engine} cannot do {settings.strategy}; use {', '.join(engine.strategies)}"
        )
    provider = engine.open(context)
    secret = Secret(clients.secrets_manager, secret_id, provider.parse)
    versions = secret.versions()
    means = Means(
        _Administrators(clients, provider, settings.master),
        PasswordsOf(engine, settings.passwords, versions.tags),
        seconds_left,
    )
    return Rotation(
        secret,
        versions,
        provider,
        strategy(provider, means),
        PublishedFingerprints(clients, settings),
        Leases(clients.dynamodb, settings.fingerprint_table, seconds_left),
        seconds_left,
    )


@dataclass(frozen=True)
class _Administrators:
    """Reads the administrator's secret: the one of the stack, else the one the secret names."""

    clients: Clients
    provider: Provider[DatabaseLogin]
    master: str | None

    def __call__(self, current: DatabaseLogin) -> DatabaseLogin | None:
        master = self.master or current.masterarn
        if master is None:
            return None
        return Secret(self.clients.secrets_manager, master, self.provider.parse).read_current()
