"""From a function's settings to the rotation of one secret: which strategy, provider and table."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from wickie.errors import ConfigError
from wickie.fingerprints import FingerprintTable, publishable, working_key
from wickie.providers import open_database
from wickie.rotation.asking import asking
from wickie.rotation.driver import Rotation, RotationEvent, rotate
from wickie.rotation.lifecycle import act
from wickie.rotation.strategies import AlternatingUsers, SingleUser
from wickie.rotation.versions import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wickie.aws import Clients
    from wickie.model import DatabaseLogin, Sensitive, Stage
    from wickie.providers import Database
    from wickie.rotation.driver import Rotator

    Admin = Callable[[], DatabaseLogin] | None

STRATEGIES: Final[Mapping[str, Callable[[Database, Admin], Rotator]]] = {
    "single-user": lambda database, _: SingleUser(database),
    "alternating-users": AlternatingUsers,
}

_REQUIRED: Final = ("WICKIE_STRATEGY", "WICKIE_FINGERPRINT_TABLE", "WICKIE_FINGERPRINT_KEY")


@dataclass(frozen=True)
class RotationSettings:
    """What the rotation stack tells a function by its environment."""

    strategy: str
    fingerprint_table: str
    fingerprint_key: str
    master: str | None = None
    ca_bundle: str | None = None

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> RotationSettings:
        """Read the environment. Raises `ConfigError` for what is missing or unknown."""
        missing = [name for name in _REQUIRED if not environment.get(name)]
        if missing:
            raise ConfigError(
                f"the function's environment lacks {', '.join(missing)}; run cdk deploy"
            )
        settings = cls(
            strategy=environment["WICKIE_STRATEGY"],
            fingerprint_table=environment["WICKIE_FINGERPRINT_TABLE"],
            fingerprint_key=environment["WICKIE_FINGERPRINT_KEY"],
            master=environment.get("WICKIE_MASTER"),
            ca_bundle=environment.get("WICKIE_CA_BUNDLE"),
        )
        if settings.strategy not in STRATEGIES:
            raise ConfigError(
                f"no strategy {settings.strategy!r}; use one of {', '.join(sorted(STRATEGIES))}"
            )
        return settings


@dataclass(frozen=True)
class PublishedFingerprints:
    """The `Fingerprints` of one function: its table, and the key that only some may use."""

    clients: Clients = field(repr=False)
    settings: RotationSettings

    def publish(self, arn: str, version_id: str, stage: Stage, value: Sensitive) -> None:
        """See `Fingerprints`."""
        if publishable(value.reveal()):  # else there is no need to ask for the key
            key = working_key(self.clients.kms, self.settings.fingerprint_key)
            self._table().publish(arn, version_id, stage, value, key)

    def restage(self, arn: str, stages: Mapping[str, Stage]) -> None:
        """See `Fingerprints`."""
        self._table().restage(arn, stages)

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

    def database_for(login: DatabaseLogin) -> Database:
        return open_database(login.engine, settings.ca_bundle)

    def rotator_for(current: DatabaseLogin) -> Rotator:
        admin = _admin(settings.master or current.masterarn, clients)
        return STRATEGIES[settings.strategy](database_for(current), admin)

    rotation = Rotation(
        Secret(clients.secrets_manager, event["SecretId"]),
        rotator_for,
        PublishedFingerprints(clients, settings),
        seconds_left,
    )
    with asking(f"secret {event['SecretId']}"):
        if "Action" not in event:
            rotate(rotation, RotationEvent.parse(event))
            return None
        version_id = event.get("VersionId") or rotation.secret.versions().current()
        verdict, detail = act(rotation, database_for, event["Action"], version_id)
    return {"verdict": verdict.value, "strategy": settings.strategy, "detail": detail}


def _admin(master: str | None, clients: Clients) -> Admin:
    if master is None:
        return None

    return Secret(clients.secrets_manager, master).read_current
