"""`wickie repair`: rotations that got stuck, told, and with --yes brought to an end."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from wickie.aws import Clients
from wickie.cli import rotate
from wickie.cli.consoles import results
from wickie.cli.failures import complain, explain
from wickie.config import load_config
from wickie.model import RepairState, to_jsonable
from wickie.report.terminal import plain
from wickie.rotation.remote import RemoteSecret

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from wickie.model import Answer

_LEFT_ALONE: Final = (RepairState.SOUND, RepairState.UNDER_WAY)
_AMISS: Final = (RepairState.STUCK, RepairState.UNKNOWN)


@dataclass(frozen=True)
class Wishes:
    """What the person at the terminal wants to be done."""

    yes: bool
    rotate: bool
    restore: bool
    take_over: bool
    older_than: int
    """In minutes."""


def run(
    secrets: tuple[str, ...], config_path: Path, wishes: Wishes, output: Literal["table", "json"]
) -> int:
    """Repair each secret; return the exit code. One that fails is told, and the next is tried."""
    names = secrets or tuple(secret.name for secret in load_config(config_path).secrets)
    clients = Clients()
    answers: dict[str, Answer] = {}
    failed: dict[str, str] = {}
    for name in names:
        try:
            answers[name] = _repaired(clients, name, wishes)
        except Exception as error:  # noqa: BLE001  (the other secrets are still to be repaired)
            complain(error)
            failed[name] = explain(error)
    _tell(answers, failed, output, dry=not wishes.yes)
    states = {name: answer.state for name, answer in answers.items()}
    if not wishes.yes:
        return 0 if not failed and all(state in _LEFT_ALONE for state in states.values()) else 1
    cancelled = tuple(name for name, state in states.items() if state == RepairState.CANCELLED)
    code = 0
    if wishes.rotate and cancelled:
        code = rotate.run(cancelled, config_path, "requested", None, "table")
    return code if not failed and not any(s in _AMISS for s in states.values()) else 1


def _repaired(clients: Clients, name: str, wishes: Wishes) -> Answer:
    secret = RemoteSecret.describe(clients, name)
    if wishes.take_over:
        secret.ask(clients, "take-over")
    return secret.ask(
        clients,
        "repair",
        DryRun=_flag(not wishes.yes),
        Restore=_flag(wishes.restore),
        OlderThanSeconds=str(wishes.older_than * 60),
    )


def _flag(on: bool) -> str:
    return "true" if on else "false"


def _tell(
    answers: Mapping[str, Answer],
    failed: Mapping[str, str],
    output: Literal["table", "json"],
    *,
    dry: bool,
) -> None:
    if output == "json":
        told = [{"name": name, "dry": dry, **to_jsonable(a)} for name, a in answers.items()]
        errors = [{"name": name, "error": error} for name, error in failed.items()]
        typer.echo(json.dumps({"secrets": told, "errors": errors}, indent=2))
        return
    table = Table("Secret", "Rotation", "Why", box=SIMPLE_HEAD)
    for name, answer in answers.items():
        planned = dry and answer.state not in (*_LEFT_ALONE, *_AMISS)
        style = "green" if answer.state in _LEFT_ALONE else "red" if answer.state in _AMISS else ""
        state = Text(f"{'would be ' * planned}{answer.state}", style=style)
        table.add_row(plain(name), state, plain(answer.detail))
    for name in failed:
        table.add_row(plain(name), Text("ERROR", style="red"), "")
    results().print(table)
    if dry and any(answer.state not in (*_LEFT_ALONE, *_AMISS) for answer in answers.values()):
        typer.echo("nothing was changed; run this again with --yes", err=True)
