"""Where credentials leak: one module per kind of place, by the name it has in wickie.yaml."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wickie.errors import ConfigError
from wickie.scan.sources import aws_lambda, directory, ecs, git, s3

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wickie.aws import Clients
    from wickie.scan.chunk import Source

SOURCES: Final[Mapping[str, Callable[[Mapping[str, str], Clients], Source]]] = {
    "directory": directory.open_directory,
    "git": git.open_repository,
    "s3": s3.open_bucket,
    "lambda-environment": aws_lambda.open_environments,
    "ecs-task-definition": ecs.open_definitions,
}

PERMISSIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "directory": (),
    "git": (),
    "s3": s3.PERMISSIONS,
    "lambda-environment": aws_lambda.PERMISSIONS,
    "ecs-task-definition": ecs.PERMISSIONS,
}
"""What reading each kind takes in IAM; the scanner's role is granted exactly these."""


def open_source(kind: str, options: Mapping[str, str], clients: Clients) -> Source:
    """Open a target as wickie.yaml describes it. Nothing is read before `chunks`."""
    if kind not in SOURCES:
        raise ConfigError(f"no source {kind!r}; use one of {', '.join(sorted(SOURCES))}")
    try:
        return SOURCES[kind](options, clients)
    except KeyError as error:
        raise ConfigError(f"a {kind} target needs {error.args[0]}; add it") from None
