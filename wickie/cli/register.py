"""`wickie register`: what `cdk deploy` tells Prefect, told or compared from here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from wickie.aws import Clients
from wickie.cli.failures import printable, warn
from wickie.config import load_config
from wickie.deployment import Deployment
from wickie.errors import ConfigError
from wickie.registration.build import build_manifest
from wickie.registration.connection import connect
from wickie.registration.registrar import Registrar
from wickie.registration.work_pool import WorkPool
from wickie.rotation.refresh import refresh_dependents

if TYPE_CHECKING:
    from pathlib import Path

    from wickie.registration.manifest import Manifest


def run(config_path: Path, prefect_yaml: Path, *, plan: bool) -> int:
    """Print each difference between the files and the server, and unless `plan` end it."""
    config, clients = load_config(config_path), Clients()
    if config.prefect is None:
        raise ConfigError(f"{config_path} names no Prefect API; say under prefect where it is")
    manifest = build_manifest(config, prefect_yaml)
    pool = WorkPool.parse(Deployment.load(clients.ssm, config.stage).work_pool)
    connection = connect(
        clients.secrets_manager,
        config.prefect.api_url,
        api_key_secret=config.prefect.api_key_secret,
        auth_string_secret=config.prefect.auth_string_secret,
    )
    registrar = Registrar(connection.server, dry=plan)
    changes = registrar.register(manifest, pool, connection.key)
    for text in registrar.warnings:
        warn(text)
    for change in changes:
        typer.echo(printable(str(change)))
    if plan:
        typer.echo(f"{len(changes)} to change at {connection.server.name}; nothing was changed")
        return 0
    _fill(manifest, clients)
    typer.echo(f"{len(changes)} changed at {connection.server.name}")
    return 0


def _fill(manifest: Manifest, clients: Clients) -> None:
    """Have rotation functions put the values in use into the blocks that are made for them."""
    for secret, dependents in manifest.filled.items():
        for outcome in refresh_dependents(secret, {secret: dependents}, clients):
            typer.echo(printable(f"{outcome.name}: {outcome.detail}"))
