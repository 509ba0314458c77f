"""What is put to the test: a rotation function, the strategy it follows, and where."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from bench.faults.arenas import settings_of
from bench.faults.aws import TABLE
from wickie.errors import Error
from wickie.providers import Context
from wickie.providers.registry import find_engine
from wickie.rotation.registry import RotationSettings, respond
from wickie.rotation.strategies import WITH_OVERLAP

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bench.faults.arenas import Arena
    from bench.faults.aws import Aws
    from wickie.credentials import Credential

    Function = Callable[[Mapping[str, str], Callable[[], float]], object]
    """Carries out one step, given its event and how many seconds Lambda leaves it."""


@dataclass(frozen=True)
class Rotator:
    """One function under test."""

    engine: str
    strategy: str
    aws: Aws = field(repr=False)
    arena: Arena = field(repr=False)
    function: Function = field(repr=False)
    raises: type[Exception] = Error
    """What it may raise; anything else is a foreign error that got through."""
    publishes: bool = True
    """Whether it keeps wickie's fingerprints."""
    second: bool = False
    """Whether the trial is of a secret's second rotation: then there is an AWSPREVIOUS."""

    @property
    def overlap(self) -> bool:
        """Whether the old credential is to outlive the rotation that replaces it."""
        return self.strategy in WITH_OVERLAP

    def parse(self, value: str) -> Credential:
        """Read a secret's value."""
        options = settings_of(self.arena, value)["options"]
        provider = find_engine(self.engine).open(Context(self.aws.clients, options))
        parsed: Credential = provider.parse(value, "under trial")
        return parsed


def wickie(aws: Aws, arena: Arena, engine: str, strategy: str, *, second: bool = False) -> Rotator:
    """Make a rotator of wickie's own function."""
    common = RotationSettings(engine, strategy, TABLE, aws.fingerprint_key)

    def step(event: Mapping[str, str], seconds_left: Callable[[], float]) -> object:
        value = aws.value(event["SecretId"], "AWSCURRENT") or ""
        settings = replace(common, **settings_of(arena, value))
        return respond(event, settings, aws.clients, seconds_left)

    return Rotator(engine, strategy, aws, arena, step, second=second)
