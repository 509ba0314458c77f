"""Doors to scans, and to what they recognise: see `wickie.cli`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wickie.cli.options import (
    DEFAULT_CONFIG,
    Baseline,
    BaselineOut,
    ConfigPath,
    ExitZero,
    ReportFile,
    ReportFormat,
    Verify,
    VulnerabilityTargets,
)

honeytoken = typer.Typer(no_args_is_help=True, help="Secrets that nobody may use.")


def scan(  # noqa: PLR0917  (typer passes each by name)
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


def vulnerabilities(  # noqa: PLR0917  (typer passes each by name)
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


@honeytoken.command("create")
def _create(
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


@honeytoken.command("forget")
def _forget(
    names: Annotated[list[str], typer.Argument(metavar="NAME", help="Names of secrets.")],
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """
    Give up honeytokens that no longer stand in wickie.yaml: scans recognise them no more.

    Changes in AWS: their prints are deleted. Secrets and IAM users stay.
    """
    from wickie.cli.honeytoken import forget

    raise typer.Exit(forget(tuple(names), config))
