"""Where credentials leak: one module per kind of place, by the name it has in wickie.yaml."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal

from wickie.errors import ConfigError
from wickie.scan.sources import (
    aws_lambda,
    cloudwatch_logs,
    codebuild,
    directory,
    ecr_image,
    ecs,
    git,
    lambda_code,
    prefect,
    s3,
)
from wickie.scan.sources.listing import Listing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from wickie.aws import Clients
    from wickie.model import Gap
    from wickie.scan.chunk import Artifact, Source


@dataclass(frozen=True)
class Kind:
    """One kind of place: how it is opened, and what reading it takes."""

    reads: str
    """What of it is looked at, for docs/sources.md."""
    open: Callable[[Mapping[str, Any], Any], Source]
    """Takes `Clients`, or a `PrefectApi` where that is what is read."""
    permissions: tuple[str, ...] = ()
    """In IAM; the scanner's role is granted exactly these."""
    unchanged: str = "the same text"
    """By what an artifact is known from an earlier scan, for docs/sources.md."""
    reach: Literal["once", "accounts", "regions"] = "regions"
    """Where there is one of it: whether it is read in every account, and in every region."""


def _listing(
    module: Any, service: str, artifacts: Callable[[Any, str], Iterator[Artifact | Gap]]
) -> Callable[[Mapping[str, Any], Clients], Source]:
    """What one AWS API lists, narrowed to names that start with `prefix`."""

    def open_listing(options: Mapping[str, Any], clients: Clients) -> Listing:
        prefix = options.get("prefix", "")
        read = partial(artifacts, clients.service(service), prefix)
        return Listing(module.KIND, prefix, module.PERMISSIONS, read)

    return open_listing


SOURCES: Final[Mapping[str, Kind]] = {
    "directory": Kind(
        "files, and what archives and compressed files hold",
        directory.open_directory,
        unchanged="inode, size and times",
        reach="once",
    ),
    "git": Kind(
        "every version of every file that any ref leads to",
        git.open_repository,
        unchanged="blob",
        reach="once",
    ),
    "s3": Kind(
        "objects, and what archives and compressed files hold",
        s3.open_bucket,
        s3.PERMISSIONS,
        unchanged="ETag and size",
        reach="once",
    ),
    "prefect": Kind(
        "variables and deployments of Prefect; parameters, logs and artifacts of recent runs",
        prefect.open_prefect,
        unchanged="time of the last update",
        reach="once",
    ),
    "lambda-code": Kind(
        "code of functions and their published versions, and layers",
        lambda_code.open_code,
        lambda_code.PERMISSIONS,
        unchanged="SHA-256 of the code",
    ),
    "ecr-image": Kind(
        "manifests, configurations and layers of images, each layer once",
        ecr_image.open_registry,
        ecr_image.PERMISSIONS,
        unchanged="digest",
    ),
    "cloudwatch-logs": Kind(
        "events of the last hours, in every stream of the log groups",
        cloudwatch_logs.open_logs,
        cloudwatch_logs.PERMISSIONS,
        unchanged="a stream's last event",
    ),
    aws_lambda.KIND: Kind(
        "environment variables of functions and their published versions",
        _listing(aws_lambda, "lambda", aws_lambda.environments),
        aws_lambda.PERMISSIONS,
    ),
    ecs.KIND: Kind(
        "environment, commands, labels and log options of active task definitions",
        _listing(ecs, "ecs", ecs.definitions),
        ecs.PERMISSIONS,
        unchanged="revision",
    ),
    codebuild.KIND: Kind(
        "environment variables and build specifications of projects",
        _listing(codebuild, "codebuild", codebuild.projects),
        codebuild.PERMISSIONS,
    ),
}


def open_source(
    kind: str, options: Mapping[str, Any], clients: Clients | prefect.PrefectApi | None
) -> Source:
    """Open a target as wickie.yaml describes it. Nothing is read before its artifacts are."""
    if kind not in SOURCES:
        raise ConfigError(f"no source {kind!r}; use one of {', '.join(sorted(SOURCES))}")
    try:
        return SOURCES[kind].open(options, clients)
    except KeyError as error:
        raise ConfigError(f"a {kind} target needs {error.args[0]}; add it") from None
