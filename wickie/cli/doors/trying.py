"""Doors to what runs on a laptop alone: see `wickie.cli`."""

from __future__ import annotations

from typing import Annotated

import typer

local = typer.Typer(no_args_is_help=True, help="A local AWS for trying and testing.")


def demo(
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave it all running afterwards, until Ctrl-C.")
    ] = False,
) -> None:
    """
    Play a leak and its end through on this machine, with no AWS account.

    Runs from a checkout of wickie, against a local AWS, PostgreSQL and Prefect of its own.
    """
    from wickie.cli.checkout import imported

    raise typer.Exit(imported("local.demo").main(keep=keep))


@local.command("up")
def _up(
    port: Annotated[int, typer.Option(help="Where to listen; 0 takes any free port.")] = 5566,
) -> None:
    """
    Run a local AWS in the foreground, for trying and testing only. Ctrl-C ends it.

    Runs from a checkout of wickie. Prints the variables with which other programs find it.
    """
    from wickie.cli.checkout import become

    become("local", "--port", str(port))
