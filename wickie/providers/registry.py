"""Which systems there are, by the name wickie.yaml gives them as `engine`."""

from __future__ import annotations

import pkgutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from wickie.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wickie.providers import Context


@dataclass(frozen=True)
class Engine:
    """One system: where its provider is, and how its secrets may rotate."""

    provider: str
    """`module:class`, so that a function imports the drivers of its own engine only."""
    strategies: tuple[str, ...]
    drivers: tuple[str, ...] = ()
    """Distributions that the provider's module imports and Lambda's runtime lacks."""
    options: tuple[str, ...] = ()
    """What `options` in wickie.yaml must give."""
    permissions: Mapping[str, str] = field(default_factory=dict)
    """IAM action to the ARN it is granted on, with {partition}, {region}, {account}, {option}."""
    verified_against: str = ""
    """What judged its tests: a real server, or a stand-in, and then of what kind."""

    def open(self, context: Context) -> Any:
        """Make the provider."""
        return pkgutil.resolve_name(self.provider)(context)


_PG8000: Final = ("pg8000", "scramp", "asn1crypto")

ENGINES: Final[Mapping[str, Engine]] = {
    "postgres": Engine(
        "wickie.providers.postgres:Postgres",
        ("single-user", "alternating-users"),
        drivers=_PG8000,
        verified_against="PostgreSQL 15 with TLS; 16 and 18 from wheels",
    ),
    "mysql": Engine(
        "wickie.providers.mysql:MySQL",
        ("single-user", "alternating-users"),
        drivers=("pymysql",),
        verified_against="a stand-in that speaks the protocol; what it shares, MariaDB 10.11",
    ),
    "mariadb": Engine(
        "wickie.providers.mysql:MariaDB",
        ("single-user", "alternating-users"),
        drivers=("pymysql",),
        verified_against="MariaDB 10.11 with TLS",
    ),
}


def find_engine(name: str) -> Engine:
    """Look an engine up. Raises `ConfigError` naming the ones there are."""
    if name not in ENGINES:
        raise ConfigError(f"no engine {name!r}; use one of {', '.join(sorted(ENGINES))}")
    return ENGINES[name]
