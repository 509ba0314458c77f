"""
Where rotators are tried: one module per system, and this registry of them.

An engine joins by a class with two methods, opened by a context manager, and a line in `ARENAS`.
"""

from __future__ import annotations

import pkgutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

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
    every: int = 1
    """In a system that takes its time, only each so-manieth call is tried, and by `bench` alone."""


ARENAS: Final[Mapping[str, Entry]] = {
    "PostgreSQL": Entry("postgres", "bench.faults.arenas.postgres:without_tls"),
    "OpenSSH": Entry("ssh-key", "bench.faults.arenas.ssh_key:one_host"),
    "Signing keys": Entry("signing-key", "bench.faults.arenas.signing_key:consumer"),
    "PostgreSQL over TLS": Entry("postgres", "bench.faults.arenas.postgres:with_tls", every=5),
}


def open_arena(name: str) -> AbstractContextManager[Arena]:
    """Open an arena of the registry. Entering it may raise `Unavailable`."""
    opened: AbstractContextManager[Arena] = pkgutil.resolve_name(ARENAS[name].opener)()
    return opened


def rotators() -> list[tuple[str, str]]:
    """Every arena that is quick enough for tests, with each strategy of its engine."""
    return [
        (name, strategy)
        for name, entry in ARENAS.items()
        if entry.every == 1
        for strategy in find_engine(entry.engine).strategies
    ]
