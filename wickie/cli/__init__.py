"""
The command line: what commands there are. Each has its door in `doors`.

What a command needs is imported when it runs, so that `wickie --help` answers at once.
"""

from __future__ import annotations

from typing import Annotated

import typer

from wickie.cli.doors import deploying, responding, rotating, scanning, trying
from wickie.cli.failures import Commands

app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Rotates an AWS account's secrets, looks for where they leak, and joins the two.",
    epilog="Exit codes: 0 clean, 1 error, 2 usage, 10 findings, 11 live or managed finding.",
)

for command in (
    deploying.init,
    scanning.scan,
    scanning.vulnerabilities,
    rotating.rotate,
    rotating.repair,
    rotating.status,
    deploying.register,
    responding.trigger,
    trying.demo,
):
    app.command()(command)
for name, group in {
    "config": deploying.config,
    "honeytoken": scanning.honeytoken,
    "rollback": responding.rollback,
    "local": trying.local,
}.items():
    app.add_typer(group, name=name)


def main() -> None:
    """Entry point of the `wickie` program."""
    app()


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"wickie {version('wickie')}")
        raise typer.Exit


@app.callback()
def _wickie(
    version: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, callback=_print_version, help="Print the version."
        ),
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Show the traceback of an error. May stand anywhere.")
    ] = False,
) -> None: ...
