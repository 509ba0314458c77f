"""The crash harness over wickie's functions and the samples."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from bench.crashes import row
from bench.faults.arenas.postgres import without_tls
from bench.faults.aws import open_aws
from bench.faults.invariants import IN_THE_END, broken
from bench.faults.rotator import wickie
from bench.faults.trial import Trial
from bench.peers.checkout import NAMES, PYGRESQL, commit
from bench.peers.functions import sample

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.faults.arenas import Arena
    from bench.faults.aws import Aws
    from bench.faults.rotator import Rotator

TITLE: Final = (
    f"Crashes: wickie and AWS's samples ({commit()}, PyGreSQL {PYGRESQL}), "
    "PostgreSQL without TLS, its log off"
)
_STRIDE: Final = {"wickie": 9, "sample": 3}
"""Each so-manieth call is tried: wickie makes three times as many. `bench.crashes` tries all."""


def table() -> list[dict[str, Any]]:
    """One row for each function and rotation; what broke is told on stderr."""
    with open_aws() as aws:
        with without_tls() as arena:
            logged = {
                (side, strategy): _logged(rotator)
                for side, strategy, rotator in _rotators(aws, arena)
            }
        # With a log, every rotation of the samples breaks an invariant without any fault.
        with without_tls(logged=False) as arena:
            return [
                row(f"{side}, {strategy}{when}", rotator, _STRIDE[side])
                | {"password in PostgreSQL's log": logged[side, strategy]}
                for side, strategy, first in _rotators(aws, arena)
                for when, rotator in _both(first)
            ]


def _rotators(aws: Aws, arena: Arena) -> Iterator[tuple[str, str, Rotator]]:
    for strategy in NAMES:
        yield "wickie", strategy, wickie(aws, arena, "postgres", strategy)
        yield "sample", strategy, sample(aws, arena, strategy)


def _both(first: Rotator) -> tuple[tuple[str, Rotator], ...]:
    return ("", first), (", second rotation", replace(first, second=True))


def _logged(rotator: Rotator) -> str:
    """Whether an undisturbed rotation leaves a password where `log_statement = ddl` writes."""
    trial = Trial.begin(rotator)
    if not trial.attempt():
        raise trial.errors[0]
    found = broken(trial, IN_THE_END)
    return "yes" if any(text.startswith("plaintext") for text in found) else "no"
