"""`wickie rotate`: the replacement procedure, in this process, told step by step."""

from __future__ import annotations

import time
from dataclasses import dataclass
from dataclasses import replace as changed
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import typer

from wickie.aws import Clients
from wickie.cli.consoles import progress, results
from wickie.cli.failures import complain, warn
from wickie.config import load_config
from wickie.errors import RotationError
from wickie.model import RotationState
from wickie.report import Report, render_json
from wickie.report.terminal import plain, print_report
from wickie.rotation.dependents.registry import open_dependent
from wickie.rotation.discovery import undeclared, warnings
from wickie.rotation.replacement import ReplacementRequest, replace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from rich.console import Console

    from wickie.model import RotationOutcome

T = TypeVar("T")
Reason = Literal["requested", "leak"]
Output = Literal["table", "json"]


def run(
    secrets: tuple[str, ...],
    config_path: Path,
    reason: Reason,
    version: str | None,
    output: Output,
    *,
    discovered: bool = False,
) -> int:
    """Rotate each secret; return the exit code. One that fails is told, and the next is tried."""
    config = load_config(config_path)
    clients = Clients()
    told = progress()
    outcomes: list[RotationOutcome] = []
    for secret in secrets:
        try:
            managed = config.secret(secret)
            known = "" if managed else " (not in wickie.yaml: no dependents known)"
            told.print(plain(f"{secret}{known}"))
            entries = managed.declared() if managed else []
            if discovered:
                entries += _undeclared(clients, secret, entries)
            request = _request(secret, entries, clients, reason, version)
            outcome = replace(request, clients, Told(told))
            if managed and managed.discover:
                outcome = changed(outcome, warnings=warnings(clients, secret, entries))
        except Exception as error:  # noqa: BLE001  (the other secrets are still to be rotated)
            complain(error)
            continue
        outcomes.append(outcome)
        if outcome.state is not RotationState.ROTATED:
            complain(_undone(outcome))
    report = Report(config.stage, rotations=tuple(outcomes))
    if output == "json":
        typer.echo(render_json(report), nl=False)
    elif outcomes:
        print_report(report, results())
    return report.exit_code() if len(outcomes) == len(secrets) else 1


@dataclass(frozen=True)
class Told:
    """A `StepRunner` that says which step runs and how long it took."""

    console: Console

    def __call__(self, name: str, action: Callable[[], T], /) -> T:
        """Run `action`, and tell how it ended."""
        began = time.monotonic()
        mark = "[red]failed[/]"
        try:
            with self.console.status(name):
                result = action()
            mark = "[green]done[/]"
            return result
        finally:
            self.console.print(f"  {name:<28} {mark} {time.monotonic() - began:.1f} s")


def _undeclared(
    clients: Clients, secret: str, entries: Sequence[Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    found = undeclared(clients, secret, entries)
    for gap in found.gaps:
        warn(f"not looked at: {gap.uri}: {gap.reason}")
    return [use.entry for use in found.uses]


def _request(
    secret: str,
    entries: Iterable[Mapping[str, Any]],
    clients: Clients,
    reason: Reason,
    version: str | None,
) -> ReplacementRequest:
    return ReplacementRequest(
        secret=secret,
        reason=reason,
        leaked_version=version,
        dependents=tuple(open_dependent(secret, entry, clients) for entry in entries),
    )


def _undone(outcome: RotationOutcome) -> RotationError:
    text = outcome.error or outcome.state.replace("_", " ").lower()
    named = outcome.secret in text
    return RotationError(text if named else f"{outcome.secret}: {text}")
