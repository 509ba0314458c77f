"""`wickie honeytoken`: secrets that nobody may use, made and made recognisable, and given up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from wickie.aws import Clients
from wickie.cli.failures import complain
from wickie.config import load_config
from wickie.deployment import Deployment
from wickie.errors import ConfigError
from wickie.honeytokens import Honeytokens

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def create(names: Sequence[str], config_path: Path) -> int:
    """Make those of these names, or all, one after the other; return the exit code."""
    config = load_config(config_path)
    known = {token.name: token for token in config.honeytokens}
    if unknown := [name for name in names if name not in known]:
        raise ConfigError(
            f"{', '.join(unknown)} is no honeytoken of {config_path}; add it under honeytokens"
        )
    if not known:
        raise ConfigError(f"{config_path} has no honeytokens; add one under honeytokens")
    clients = Clients()
    honeytokens = Honeytokens.of(clients, Deployment.load(clients.ssm, config.stage))
    failed = False
    for name in names or known:
        try:
            made = honeytokens.create(known[name])
        except Exception as error:  # noqa: BLE001  (the others are still to be made)
            complain(error)
            failed = True
            continue
        typer.echo(
            f"{name}: {'made' if made.is_new else 'known'}, and recognised from the next scan on; "
            f"plant what is in {made.arn}"
        )
    return int(failed)


def forget(names: Sequence[str], config_path: Path) -> int:
    """Give those of these names up; return the exit code."""
    config = load_config(config_path)
    if kept := [token.name for token in config.honeytokens if token.name in names]:
        raise ConfigError(f"{', '.join(kept)} still stands in {config_path}; take it out first")
    clients = Clients()
    honeytokens = Honeytokens.of(clients, Deployment.load(clients.ssm, config.stage))
    unknown = False
    for name in names:
        versions = honeytokens.forget(name)
        unknown |= not versions
        told = "no longer recognised; delete its secret and its user" if versions else "not known"
        typer.echo(f"{name}: {told}")
    return int(unknown)
