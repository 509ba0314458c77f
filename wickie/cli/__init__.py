"""
The command line. This module holds the doors alone: what each command is called and takes.

What a command needs is imported when it runs, so that `wickie --help` answers at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from wickie.cli import before, response
from wickie.cli.failures import Commands
from wickie.cli.options import (
    DEFAULT_CONFIG,
    DEFAULT_PREFECT_YAML,
    Baseline,
    BaselineOut,
    ConfigPath,
    ExitZero,
    Output,
    ReportFile,
    ReportFormat,
    Verify,
    VulnerabilityTargets,
)

app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Rotates an AWS account's secrets, looks for where they leak, and joins the two.",
    epilog="Exit codes: 0 clean, 1 error, 2 usage, 10 findings, 11 live or managed finding.",
)
_local = typer.Typer(no_args_is_help=True, help="A local AWS for trying and testing.")
app.add_typer(_local, name="local")
app.add_typer(before.config, name="config")
app.command("init")(before.init)
app.add_typer(response.rollback, name="rollback")
_honeytoken = typer.Typer(no_args_is_help=True, help="Secrets that nobody may use.")
app.add_typer(_honeytoken, name="honeytoken")


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


@app.command("scan")
def _scan(  # noqa: PLR0917  (typer passes each by name)
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="PATH",
            help="Directories and git repositories to read instead of the targets in wickie.yaml.",
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            "-c",
            help="The wickie.yaml with the targets, and the stage whose managed secrets are known."
            " Default without a PATH: wickie.yaml.",
        ),
    ] = None,
    output: ReportFormat = "table",
    file: ReportFile = None,
    exit_zero: ExitZero = False,
    baseline: Baseline = None,
    baseline_out: BaselineOut = None,
    *,
    verify: Verify = False,
) -> None:
    """
    Look for credentials, and for the secrets that wickie manages.

    A PATH is scanned on this machine and needs no AWS; with --config, the managed secrets of that
    stage are recognised in it too. Without a PATH the targets in wickie.yaml are scanned. What
    cannot be read is listed, and the rest is scanned. A scan that could read nothing is an error.

    With --verify, or scan.verify in wickie.yaml, the issuers of what is found are asked whether it
    is live: with the credential itself, read-only, each once. Never of managed secrets.

    Changes nothing in AWS.
    """
    from wickie.cli.scan import Wishes, run

    wishes = Wishes(baseline, baseline_out, verify)
    code = run(tuple(paths or ()), config, output, file, wishes)
    raise typer.Exit(0 if exit_zero and code >= 10 else code)  # noqa: PLR2004  (10, 11: findings)


@app.command("vulnerabilities")
def _vulnerabilities(  # noqa: PLR0917  (typer passes each by name)
    targets: VulnerabilityTargets = None,
    config: ConfigPath = DEFAULT_CONFIG,
    output: ReportFormat = "table",
    file: ReportFile = None,
    sbom: Annotated[
        Path | None,
        typer.Option(help="Directory to write what was scanned to, as CycloneDX."),
    ] = None,
    exit_zero: ExitZero = False,
) -> None:
    """
    Look for known vulnerabilities with the scanners in wickie.yaml, Trivy and Grype.

    A scanner is run only if its digest is the pinned one and its database is not too old. What
    cannot be scanned is listed, and is never clean. What wickie.yaml ignores, and OpenVEX documents
    say is not affected, is listed as suppressed.

    Changes nothing in AWS. Asks it for a password of ECR's for images there, and for the findings
    of ECR and Inspector where wickie.yaml names them.
    """
    from wickie.cli.vulnerabilities import run

    code = run(tuple(targets or ()), config, output, file, sbom)
    raise typer.Exit(0 if exit_zero and code >= 10 else code)  # noqa: PLR2004  (10: findings)


@app.command("rotate")
def _rotate(
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


@app.command("repair")
def _repair(  # noqa: PLR0917  (typer passes each by name)
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


@_honeytoken.command("create")
def _honeytoken_create(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME", help="Names in wickie.yaml. Default: all honeytokens."),
    ] = None,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """
    Make the honeytokens in wickie.yaml, and publish what a scan recognises them by.

    Changes in AWS: a secret that does not exist is made (CreateSecret), with a random value, or
    with a new access key of its IAM user (CreateAccessKey), who must have no rights at all. One
    that exists is read (GetSecretValue), and not changed. Its prints go to the stage's table. May
    be run again at any time, and has to be when a value was changed.

    The value is not shown: fetch it from Secrets Manager, and plant it where thieves look.
    """
    from wickie.cli.honeytoken import create

    raise typer.Exit(create(tuple(names or ()), config))


@_honeytoken.command("forget")
def _honeytoken_forget(
    names: Annotated[list[str], typer.Argument(metavar="NAME", help="Names of secrets.")],
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """
    Give up honeytokens that no longer stand in wickie.yaml: scans recognise them no more.

    Changes in AWS: their prints are deleted. Secrets and IAM users stay.
    """
    from wickie.cli.honeytoken import forget

    raise typer.Exit(forget(tuple(names), config))


@app.command("status")
def _status(
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


@app.command("register")
def _register(
    config: ConfigPath = DEFAULT_CONFIG,
    prefect_yaml: Annotated[
        Path, typer.Option(help="Where the deployments are listed.")
    ] = DEFAULT_PREFECT_YAML,
    plan: Annotated[
        bool, typer.Option("--plan", help="Only say what differs from what Prefect knows.")
    ] = False,
) -> None:
    """
    Tell Prefect of the work pool, the deployments and the automations of a deployed stage.

    It is what `cdk deploy` does where wickie.yaml names a Prefect API, for a server that only this
    machine reaches, or to see what somebody changed by hand. What is as it should be is left alone.

    Reads the work pool that the stage published (GetParameters) and the API's key, the one secret
    whose value is read (GetSecretValue). Changes nothing in AWS. With cloud-push the pusher's
    rotation function is invoked, to give the block in Prefect its key.
    """
    from wickie.cli.register import run

    raise typer.Exit(run(config, prefect_yaml, plan=plan))


@app.command("demo")
def _demo(
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


@_local.command("up")
def _local_up(
    port: Annotated[int, typer.Option(help="Where to listen; 0 takes any free port.")] = 5566,
) -> None:
    """
    Run a local AWS in the foreground, for trying and testing only. Ctrl-C ends it.

    Runs from a checkout of wickie. Prints the variables with which other programs find it.
    """
    from wickie.cli.checkout import become

    become("local", "--port", str(port))


app.command("trigger")(response.trigger)
