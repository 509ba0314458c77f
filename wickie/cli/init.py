"""`wickie init`: a first wickie.yaml, from what the account shows and a few questions."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

from wickie.asking import asking
from wickie.aws import Clients
from wickie.cli.failures import printable, warn
from wickie.config import parse_config
from wickie.config.proposal import left_out, question, taken, write
from wickie.errors import ConfigError
from wickie.rotation.inventory import take_inventory

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from wickie.rotation.inventory import FoundSecret, Inventory


@dataclass(frozen=True)
class Answers:
    """What was said on the command line; None is asked for."""

    stage: str | None
    take: tuple[str, ...]
    emails: tuple[str, ...]
    yes: bool


def run(path: Path, answers: Answers, *, force: bool) -> int:
    """Look at the account, ask, and write the file; return the exit code."""
    if path.exists() and not force:
        raise ConfigError(f"{path} exists and is left as it is; add --force to write it anew")
    if not answers.yes and not sys.stdin.isatty():
        raise ConfigError("there is no terminal to ask on; add --yes, and answer by options")
    clients = Clients()
    with asking("who asks"):
        account = clients.service("sts").get_caller_identity()["Account"]
    inventory = take_inventory(clients)
    _tell(inventory)
    stage = answers.stage or _ask(answers, "Stage", "dev")
    patterns = (
        answers.take or _ask(answers, "Secrets to take, as shop/* (several: spaces)", "*").split()
    )
    emails = (
        answers.emails or _ask(answers, "E-mail of who is on call (several: spaces)", "").split()
    )
    secrets = taken(inventory, patterns)
    text = write(stage, f"account {account}, {clients.region}", inventory, secrets, emails)
    parse_config(text, path)  # what is not valid is never written
    path.write_text(text, encoding="utf-8")
    _sum_up(path, secrets)
    return 0


def _tell(inventory: Inventory) -> None:
    for secret in inventory.secrets:
        reason = left_out(secret) or question(secret) or secret.engines[0]
        typer.echo(f"{printable(secret.name)}: {printable(reason)}", err=True)
    for gap in inventory.gaps:
        warn(f"not looked at: {gap.uri}: {gap.reason}")


def _ask(answers: Answers, text: str, default: str) -> str:
    return default if answers.yes else str(typer.prompt(text, default=default, err=True))


def _sum_up(path: Path, secrets: Sequence[FoundSecret]) -> None:
    open_ = sum(1 for secret in secrets if question(secret))
    typer.echo(
        f"{path} is written: {len(secrets) - open_} secrets rotate, {open_} wait in comments for "
        f"an answer; read it, then run cdk deploy --all"
    )
