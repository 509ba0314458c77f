"""Doors to what a deployment is made from, and to what Prefect knows of it: see `wickie.cli`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wickie.cli.options import DEFAULT_CONFIG, DEFAULT_PREFECT_YAML, ConfigPath

config = typer.Typer(no_args_is_help=True, help="What wickie.yaml says.")


def init(  # noqa: PLR0917  (typer passes each by name)
    file: Annotated[Path, typer.Argument(metavar="FILE", help="To write.")] = DEFAULT_CONFIG,
    stage: Annotated[str | None, typer.Option(help="What the stage is called.")] = None,
    take: Annotated[
        list[str] | None,
        typer.Option(metavar="PATTERN", help="Names of secrets to take, as shop/*. Repeatable."),
    ] = None,
    email: Annotated[
        list[str] | None, typer.Option(help="Who is told when rotation fails. Repeatable.")
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Ask nothing: take what is not said as usual.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
) -> None:
    """
    Write a first wickie.yaml from what this account and region show.

    Lists secrets and describes databases, users of caches, ECS services and task definitions,
    Lambda functions and RDS proxies, to guess what honours a secret and who uses it. What cannot
    be known is written as a comment, with the question. No secret value is read, and nothing in
    AWS is changed.
    """
    from wickie.cli.init import Answers, run

    answers = Answers(stage, tuple(take or ()), tuple(email or ()), yes)
    raise typer.Exit(run(file, answers, force=force))


@config.command("check")
def _check(
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="FILE", help="One for each stage. Default: wickie.yaml."),
    ] = None,
) -> None:
    """
    Say whether a wickie.yaml is valid: each mistake with its place in the file and the remedy.

    What AWS would refuse when it is deployed is refused here, as far as the file tells. AWS is not
    asked. Exits with 1 if a file is not valid, or two are of one stage.
    """
    from wickie.cli.config import check

    raise typer.Exit(check(files or [DEFAULT_CONFIG]))


@config.command("schema")
def _schema() -> None:
    """
    Print the JSON Schema of wickie.yaml, with which editors complete and explain it.

    Begin a file with `# yaml-language-server: $schema=` and the path to it.
    """
    from wickie.cli.config import schema

    typer.echo(schema(), nl=False)


@config.command("scan-role")
def _scan_role(path: ConfigPath = DEFAULT_CONFIG) -> None:
    """
    Print a CloudFormation template of the role by which another account is scanned.

    It may read what the targets in wickie.yaml take, and no secret's value; without targets it may
    read every kind but S3. Deploy it to the accounts by a StackSet, and name the role under
    scan.accounts.
    """
    from wickie.cli.config import scan_role

    typer.echo(scan_role(path), nl=False)


def register(
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
