"""The doors of `wickie rollback` and `trigger`; what a command needs is imported when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wickie.cli.options import DEFAULT_CONFIG, ConfigPath, Output, ReportFile

rollback = typer.Typer(
    no_args_is_help=True, help="Takes builds with known vulnerabilities out of service."
)

Plans = Annotated[
    Path, typer.Argument(metavar="PLANS", help="What wickie rollback plan has written as JSON.")
]


@rollback.command("plan")
def _plan(
    report: Annotated[
        Path,
        typer.Argument(
            metavar="REPORT",
            help="The findings: a report.json of the flow, or what wickie vulnerabilities has"
            " written as JSON.",
        ),
    ],
    config: ConfigPath = DEFAULT_CONFIG,
    output: Output = "table",
    file: ReportFile = None,
) -> None:
    """
    Say what the rollbacks in wickie.yaml would change, going by the findings of a report.

    Changes nothing in AWS. Asks ECS for services, their tasks and task definitions, and Lambda for
    aliases and versions. Exits with 1 where a rollback is called for and not possible.
    """
    from wickie.cli.rollback import plan

    raise typer.Exit(plan(report, config, output, file))


@rollback.command("apply")
def _apply(
    plans: Plans,
    config: ConfigPath = DEFAULT_CONFIG,
    output: Output = "table",
    file: ReportFile = None,
) -> None:
    """
    Carry plans out, and wait until what was rolled back is well; it is put back where it is not.

    Changes in AWS: the task definition of ECS services (UpdateService) and the version of Lambda
    aliases (UpdateAlias), each only if it still stands as it was planned from. Done twice, it is
    done once. To run this is the approval that wickie.yaml may ask for.
    """
    from wickie.cli.rollback import apply

    raise typer.Exit(apply(plans, config, output, file))


@rollback.command("undo")
def _undo(
    plans: Plans,
    config: ConfigPath = DEFAULT_CONFIG,
    output: Output = "table",
    file: ReportFile = None,
) -> None:
    """
    Put back what was there before plans were carried out, and wait until it is well.

    Changes in AWS what apply does, by the same rules: what was deployed since is left alone.
    """
    from wickie.cli.rollback import undo

    raise typer.Exit(undo(plans, config, output, file))


def trigger(
    deployment: Annotated[
        str, typer.Argument(metavar="FLOW/NAME", help="The deployment, as rotate/prod.")
    ],
    param: Annotated[
        list[str] | None,
        typer.Option("--param", metavar="NAME=VALUE", help="Of the flow; JSON, or else a text."),
    ] = None,
    config: ConfigPath = DEFAULT_CONFIG,
    wait: Annotated[
        bool, typer.Option("--wait", help="Until it ends; with 1, if it has not completed.")
    ] = False,
    timeout: Annotated[
        str, typer.Option(help="How long to wait: 90s, 10m, 2h. The run goes on after it.")
    ] = "1h",
) -> None:
    """
    Start a run of one of Prefect's deployments, as a pipeline does.

    Prefect is the one that PREFECT_API_URL names, with PREFECT_API_KEY or PREFECT_API_AUTH_STRING;
    without it that of wickie.yaml, with the key from Secrets Manager. What changes in AWS is what
    the flow changes.
    """
    from wickie.cli.trigger import run
    from wickie.durations import duration_of

    patience = duration_of(timeout)
    if patience is None:
        raise typer.BadParameter("--timeout is written 90s, 10m, 2h or 1d")
    raise typer.Exit(run(deployment, param or (), config, patience if wait else None))
