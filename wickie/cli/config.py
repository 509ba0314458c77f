"""`wickie config`: whether a wickie.yaml is valid, its schema, and the role for other accounts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer
import yaml

from wickie.cli.failures import complain, warn
from wickie.config import load_config
from wickie.config.scan_role import template
from wickie.config.schema import json_schema
from wickie.errors import ConfigError
from wickie.providers.registry import ENGINES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from wickie.config import Config


def check(paths: Sequence[Path]) -> int:
    """Say of each file whether it is valid; return the exit code."""
    stages: dict[str, Path] = {}
    failed = False
    for path in paths:
        try:
            config = _alone(path, stages)
        except ConfigError as error:
            if len(paths) == 1:
                raise
            complain(error)
            failed = True
            continue
        stages[config.stage] = path
        typer.echo(
            f"{path} is valid: stage {config.stage}, {len(config.secrets)} secrets, "
            f"{len(config.scan.targets)} targets"
        )
        _remind(path, config)
    return 1 if failed else 0


def _alone(path: Path, stages: Mapping[str, Path]) -> Config:
    """Read the file of a stage that has no other."""
    config = load_config(path)
    if other := stages.get(config.stage):
        raise ConfigError(
            f"{path}: stage: {config.stage} is {other}'s; give each file a stage of its own"
        )
    return config


def _remind(path: Path, config: Config) -> None:
    """What may be a mistake, and which only AWS could tell."""
    reached = [s.name for s in config.secrets if ENGINES[s.engine].place == "anywhere"]
    if reached and not config.network.holds_functions:
        warn(
            f"{path}: network: functions outside a VPC rotate {', '.join(reached)}; if the system "
            f"behind one has no public address, give vpc_id, subnets and security_groups"
        )


def schema() -> str:
    """The JSON Schema as text, ending in a newline."""
    return json.dumps(json_schema(), indent=2) + "\n"


def scan_role(path: Path) -> str:
    """The CloudFormation template as text, ending in a newline."""
    return str(yaml.safe_dump(template(load_config(path).scan), sort_keys=False, width=100))
