"""
Where rotators are tried: one module per system, and this registry of them.

An engine joins by a class with two methods, opened by a context manager, and a line in `ARENAS`.
"""

from __future__ import annotations

import pkgutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, runtime_checkable

from wickie.providers.registry import find_engine

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager


class Unavailable(Exception):  # noqa: N818  (a reason to skip, and no failure)
    """This machine lacks what the arena needs; the text says what."""


class Arena(Protocol):
    """A system that honours credentials of one engine, and may be tried on."""

    options: Mapping[str, str]
    """What `options` in wickie.yaml would give for it."""

    def secret(self) -> str:
        """Make a credential that is honoured; return the JSON of a secret that holds it."""

    def honours(self, value: str) -> bool:
        """
        Present a secret's credential and use it, by another way than wickie's where there is one.

        Raises whatever it likes where the system gives no answer.
        """


@runtime_checkable
class Configured(Protocol):
    """An arena of which wickie.yaml has more to say than `options`, or not the same of each."""

    def settings(self, value: str) -> Mapping[str, Any]:
        """Fields of `RotationSettings` for the secret that `value` is, or was, the value of."""


@runtime_checkable
class Administered(Protocol):
    """An arena whose strategies may need an administrator."""

    def master(self) -> str:
        """The JSON of the administrator's secret."""

    def change_master(self) -> str:
        """Give the administrator another password, and return what its secret is to hold."""


@runtime_checkable
class Counted(Protocol):
    """An arena where credentials are made one by one, and one may be forgotten."""

    def strays(self, values: Sequence[str]) -> list[str]:
        """Name each credential of their holder that none of the secret's `values` holds."""


@runtime_checkable
class Crowded(Protocol):
    """An arena with room for two credentials of a holder, where nobody's are taken away."""

    def make_room(self, values: Sequence[str]) -> None:
        """Do what a person is told to: revoke what none of `values` holds."""

    def let_pass(self) -> None:
        """Have it be a day later: clients had time to move on."""


@runtime_checkable
class Logging(Protocol):
    """An arena whose system keeps a log of what it was asked."""

    def log(self) -> str:
        """What it has logged since the last call."""


@dataclass(frozen=True)
class Entry:
    """One arena of the registry."""

    engine: str
    """By its name in wickie's registry."""
    opener: str
    """`module:function` of a context manager that yields an `Arena`, or raises `Unavailable`."""
    every: int = 23
    """In a system that takes its time, `bench` tries each so-manieth call only."""
    in_tests: int = 29
    """So it is with tests, which kill before calls as often as that; 0 leaves it to `bench`."""


ARENAS: Final[Mapping[str, Entry]] = {
    "PostgreSQL": Entry("postgres", "bench.faults.arenas.postgres:without_tls", in_tests=5),
    "PostgreSQL over TLS": Entry(
        "postgres", "bench.faults.arenas.postgres:with_tls", every=37, in_tests=0
    ),
    "MariaDB": Entry("mariadb", "bench.faults.arenas.mariadb:running"),
    "MySQL": Entry("mysql", "bench.faults.arenas.mysql:running"),
    "Valkey": Entry("valkey", "bench.faults.arenas.valkey:by_itself"),
    "Valkey, by an administrator": Entry(
        "valkey", "bench.faults.arenas.valkey:by_an_administrator"
    ),
    "ElastiCache": Entry("elasticache", "bench.faults.arenas.managed:elasticache"),
    "MemoryDB": Entry("memorydb", "bench.faults.arenas.managed:memorydb", in_tests=0),
    "IAM access key": Entry("iam-access-key", "bench.faults.arenas.iam:access_keys"),
    "SES SMTP": Entry("ses-smtp", "bench.faults.arenas.iam:smtp_passwords", in_tests=0),
    "HTTP API": Entry("http-api", "bench.faults.arenas.http_api:gitlab"),
    "Redshift": Entry("redshift", "bench.faults.arenas.redshift:running"),
    "RDS master": Entry("rds-master", "bench.faults.arenas.rds_master:instances"),
    "SQL Server": Entry("sqlserver", "bench.faults.arenas.drivers:sqlserver"),
    "Oracle": Entry("oracle", "bench.faults.arenas.drivers:oracle"),
    "MongoDB": Entry("mongodb", "bench.faults.arenas.drivers:mongodb"),
    "OpenSSH": Entry("ssh-key", "bench.faults.arenas.ssh_key:one_host"),
    "Signing keys": Entry("signing-key", "bench.faults.arenas.signing_key:consumer"),
}


def open_arena(name: str) -> AbstractContextManager[Arena]:
    """Open an arena of the registry. Entering it may raise `Unavailable`."""
    opened: AbstractContextManager[Arena] = pkgutil.resolve_name(ARENAS[name].opener)()
    return opened


def settings_of(arena: Arena, value: str) -> Mapping[str, Any]:
    """What `RotationSettings` of an arena's secret has beside engine and strategy."""
    return arena.settings(value) if isinstance(arena, Configured) else {"options": arena.options}


def rotators() -> list[tuple[str, str]]:
    """Every arena that tests are to try, with each strategy of its engine."""
    return [
        (name, strategy)
        for name, entry in ARENAS.items()
        if entry.in_tests
        for strategy in find_engine(entry.engine).strategies
    ]
