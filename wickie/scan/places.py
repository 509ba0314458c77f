"""Where a configuration's targets are: those of AWS in every account and region it names."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from wickie.model import Gap
from wickie.scan import sources
from wickie.scan.sources.reading import refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from wickie.aws import Clients
    from wickie.prefect import PrefectServer
    from wickie.scan.chunk import Artifact, Source

PERMISSIONS: Final = ("sts:AssumeRole",)
"""On exactly the roles of the configuration."""


class OtherAccount(Protocol):
    """An account as wickie.yaml describes it."""

    @property
    def role(self) -> str:
        """ARN of the role to assume."""

    @property
    def regions(self) -> Sequence[str]:
        """Which are read; none: those that are read of wickie's own account."""

    @property
    def external_id(self) -> str | None:
        """What the role's trust policy asks for."""


class Scope(Protocol):
    """What is scanned, as wickie.yaml describes it."""

    @property
    def regions(self) -> Sequence[str]:
        """Which are read; none: the one that wickie runs in."""

    @property
    def accounts(self) -> Sequence[OtherAccount]:
        """Which are read beside wickie's own."""

    def declared(self) -> Sequence[Mapping[str, Any]]:
        """Every target: its kind, and its options."""


@dataclass(frozen=True)
class Opening:
    """A target in one place, not opened yet."""

    name: str
    """Differs from that of every other; it is the same tomorrow."""
    kind: str
    options: Mapping[str, Any]
    clients: Clients | PrefectServer | None = field(repr=False)
    place: str = ""
    """Where it is, unless that goes without saying."""

    def open(self) -> Source:
        """Open it. `ConfigError`, or what boto3 raises where it lacks a region."""
        source = sources.open_source(self.kind, self.options, self.clients)
        return _Elsewhere(source, self.place) if self.place else source


@dataclass(frozen=True)
class _Elsewhere:
    """A source that is told from the same of another place."""

    source: Source
    place: str

    @property
    def uri(self) -> str:
        return f"{self.source.uri} in {self.place}"

    @property
    def kind(self) -> str:
        return self.source.kind

    def artifacts(self) -> Iterator[Artifact | Gap]:
        return self.source.artifacts()


@dataclass(frozen=True)
class _Place:
    """An account, and a region of it; without a name, those that wickie runs in."""

    clients: Clients
    account: str = ""
    region: str = ""

    @property
    def name(self) -> str:
        return " ".join(filter(None, (self.account, self.region)))


def openings(
    scope: Scope, home: Clients, prefect: Callable[[], PrefectServer | None] = lambda: None
) -> Iterator[Opening | Gap]:
    """
    List what is to be opened: each target of AWS in each place, any other once.

    An account that does not let itself be assumed is one gap. `prefect` tells which Prefect this
    process is a client of: its key is nothing that a configuration could hold.
    """
    places: list[_Place] = []
    for place in _places(scope, home):
        if isinstance(place, Gap):
            yield place
        else:
            places.append(place)
    for declared in scope.declared():
        if declared["kind"] == "prefect":
            options = {name: value for name, value in declared.items() if name != "kind"}
            yield Opening("prefect", "prefect", options, prefect())
        else:
            yield from _of(declared, home, places)


def _of(declared: Mapping[str, Any], home: Clients, places: Sequence[_Place]) -> Iterator[Opening]:
    kind = declared["kind"]
    options = {name: value for name, value in declared.items() if name not in ("kind", "account")}
    for place in _reached(kind, declared.get("account", ""), home, places):
        words = [kind, *_words(options.values()), *(["in", place.name] if place.name else [])]
        yield Opening(" ".join(words), kind, options, place.clients, place.name)


def _reached(kind: str, account: str, home: Clients, places: Sequence[_Place]) -> Iterable[_Place]:
    if account:
        return [place for place in places if place.account == account][:1]
    reach = sources.SOURCES[kind].reach
    if reach == "once":
        return [_Place(home)]
    if reach == "accounts":
        return {place.account: place for place in reversed(places)}.values()
    return places


def _words(values: Iterable[Any]) -> Iterator[str]:
    for value in values:
        if text := ",".join(value) if isinstance(value, list) else str(value):
            yield text


def _places(scope: Scope, home: Clients) -> Iterator[_Place | Gap]:
    # Slow: it brings all of botocore's session, and stacks ask for permissions alone.
    from wickie.elsewhere import elsewhere, require_credentials  # noqa: PLC0415

    if not scope.regions:
        yield _Place(home)
    for region in scope.regions:
        yield _Place(elsewhere(home, region), "", region)
    for account in scope.accounts:
        name = account.role.split(":")[4]
        regions = account.regions or scope.regions or [home.region]
        clients = elsewhere(home, regions[0], account.role, account.external_id)
        try:
            require_credentials(clients)
        except (BotoCoreError, ClientError) as error:
            reason = f"{refused(error)}; let the flows' role assume it, by its trust policy"
            yield Gap(f"account {name} by {account.role}", reason)
        else:
            yield from (_Place(elsewhere(clients, region), name, region) for region in regions)
