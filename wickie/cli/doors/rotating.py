"""Doors to rotation: see `wickie.cli`."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from wickie.cli.options import DEFAULT_CONFIG, ConfigPath, Output


def rotate(
    secrets: Annotated[
        list[str], typer.Argument(metavar="SECRET", help="Names or ARNs, as in wickie.yaml.")
    ],
    config: ConfigPath = DEFAULT_CONFIG,
    reason: Annotated[
        Literal["requested", "leak"],
        typer.Option(help="With leak the old value is also retired, and proven dead."),
    ] = "requested",
    version: Annotated[
        str | None,
        typer.Option(help="The version that leaked, where it is not the one in use."),
    ] = None,
    output: Output = "table",
    *,
    discovered: Annotated[
        bool,
        typer.Option(
            "--discovered",
            help="Refresh also what uses the secret and is not declared in wickie.yaml.",
        ),
    ] = False,
) -> None:
    """
    Replace the value of secrets, one after the other; one that fails does not stop the next.

    Changes in AWS, in this order: Secrets Manager rotates the secret (RotateSecret); each
    dependent in wickie.yaml is refreshed (UpdateService, UpdateFunctionConfiguration, SendCommand,
    a webhook, or by the rotation function a block of Prefect); after a leak the secret's rotation
    function retires the old value. Where a dependent does not recover, the function gives the old
    value back, and the dependents are refreshed once more.

    No secret value is read: values stay in the rotation function.
    """
    from wickie.cli.rotate import run

    if version and len(secrets) > 1:
        raise typer.BadParameter("name the one SECRET that --version belongs to")
    raise typer.Exit(run(tuple(secrets), config, reason, version, output, discovered=discovered))


def repair(  # noqa: PLR0917  (typer passes each by name)
    secrets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SECRET", help="Names or ARNs. Default: every secret in wickie.yaml."
        ),
    ] = None,
    config: ConfigPath = DEFAULT_CONFIG,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Do it. Without, only say what would be done.")
    ] = False,
    rotate: Annotated[
        bool, typer.Option("--rotate", help="Then rotate those whose rotation was cancelled.")
    ] = False,
    restore: Annotated[
        bool,
        typer.Option(
            "--restore", help="Put AWSPREVIOUS back in use where it alone is still honoured."
        ),
    ] = False,
    take_over: Annotated[
        bool,
        typer.Option(
            "--take-over",
            help="First make the user of each SECRET its own, where another secret had it before.",
        ),
    ] = False,
    older_than: Annotated[
        int,
        typer.Option(
            min=0,
            metavar="MINUTES",
            help="Leave younger rotations alone: Secrets Manager itself tries again for a while.",
        ),
    ] = 15,
    output: Output = "table",
) -> None:
    """
    Bring rotations that got stuck to an end, whichever way the system behind them allows.

    Where it honours AWSPENDING, that is promoted: the rotation is FINISHED. Where it honours
    AWSCURRENT only, AWSPENDING loses its label, so that a new rotation may start: CANCELLED. Where
    it honours neither, a person is told what to do: STUCK. Where it gives no answer, nothing is
    changed: UNKNOWN.

    Changes in AWS, with --yes only: staging labels of the secret, by its own rotation function. No
    secret value is read: values stay there. Exits with 1 if anything is left to be done.
    """
    from wickie.cli.repair import Wishes, run

    if take_over and not secrets:
        raise typer.BadParameter("name each SECRET that is to --take-over its user")
    if (rotate or take_over) and not yes:
        raise typer.BadParameter("--rotate and --take-over change something: add --yes")
    if rotate and output == "json":
        raise typer.BadParameter("--rotate writes a report of its own: run wickie rotate for JSON")
    wishes = Wishes(yes, rotate, restore, take_over, older_than)
    raise typer.Exit(run(tuple(secrets or ()), config, wishes, output))


def status(
    config: ConfigPath = DEFAULT_CONFIG,
    output: Output = "table",
    dependents: Annotated[
        bool, typer.Option("--dependents", help="Draw who uses each secret instead.")
    ] = False,
) -> None:
    """
    Show the age, strategy, next rotation and last result of every secret in wickie.yaml.

    Needs DescribeSecret, and ListSecretVersionIds for a rotation that waits; with --dependents also
    the right to list and describe ECS services and task definitions, Lambda functions and RDS
    proxies. Changes nothing in AWS.
    """
    if dependents:
        from wickie.cli.dependents import run
    else:
        from wickie.cli.status import run

    raise typer.Exit(run(config, output))
