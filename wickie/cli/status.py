"""`wickie status`: one line per secret of wickie.yaml."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Literal

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from wickie.aws import Clients
from wickie.cli.consoles import results
from wickie.cli.failures import complain, explain
from wickie.config import load_config
from wickie.model import to_jsonable
from wickie.report.terminal import plain
from wickie.status import describe

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta
    from pathlib import Path

    from wickie.status import SecretStatus

_STYLES: Final[Mapping[str, str]] = {
    "rotated": "green",
    "never rotated": "yellow",
    "pending": "yellow",
}


def run(config_path: Path, output: Literal["table", "json"]) -> int:
    """Ask about each secret; return the exit code. One that cannot be asked about is told."""
    config = load_config(config_path)
    if not config.secrets:
        typer.echo(f"no secrets in {config_path}", err=True)
    secrets_manager = Clients().secrets_manager
    known: list[SecretStatus] = []
    failed: list[tuple[str, str]] = []
    for secret in config.secrets:
        try:
            known.append(describe(secrets_manager, secret.name, secret.strategy))
        except Exception as error:  # noqa: BLE001  (the other secrets are still to be shown)
            complain(error)
            failed.append((secret.name, explain(error)))
    if output == "json":
        errors = [{"name": name, "error": error} for name, error in failed]
        typer.echo(json.dumps({"secrets": to_jsonable(known), "errors": errors}, indent=2))
    else:
        names = [name for name, _ in failed]
        results().print(_table(known, names, datetime.now(UTC)))
    if any(status.result == "stuck" for status in known):
        typer.echo("see what wickie repair says of those that are stuck", err=True)
    return 1 if failed else 0


def _table(known: list[SecretStatus], failed: list[str], now: datetime) -> Table:
    table = Table(box=SIMPLE_HEAD)
    for head in ("Secret", "Age", "Strategy", "Next rotation", "Last result", "Versions"):
        table.add_column(head, overflow="fold")
    for status in known:
        upcoming = status.next_rotation
        table.add_row(
            plain(status.name),
            span(now - status.changed),
            status.strategy,
            f"{upcoming:%Y-%m-%d %H:%M}" if upcoming else "none",
            _result(status),
            "\n".join(f"{stage} {version[:8]}" for version, stage in status.versions.items()),
        )
    for name in failed:
        table.add_row(plain(name), "", "", "", Text("unknown", style="red"), "")
    return table


def _result(status: SecretStatus) -> Text:
    since = f" since {status.since.astimezone(UTC):%Y-%m-%d %H:%M}" if status.since else ""
    return Text(f"{status.result}{since}", style=_STYLES.get(status.result, "red"))


def span(time: timedelta) -> str:
    """A time span in its largest unit: `40 s`, `3 h`, `12 d`."""
    seconds = max(0, int(time.total_seconds()))
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"
