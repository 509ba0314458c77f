"""What may stand under `scan.targets` with options of its own, and where targets are read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from wickie.config.section import Section

Region = Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")]

Suffix = Annotated[str, Field(min_length=1), AfterValidator(str.lower)]


class Account(Section):
    """Another account that is read, by the role of its that wickie assumes."""

    role: str = Field(pattern=r"^arn:[a-z-]+:iam::\d{12}:role/[\w+=,.@/-]+$")
    regions: tuple[Region, ...] = Field(default=(), description="none: those of wickie's own")
    external_id: str | None = Field(default=None, min_length=2, max_length=1224)


class DirectoryTarget(Section):
    """Files under a directory."""

    kind: Literal["directory"]
    path: Path


class GitTarget(Section):
    """Every blob in a repository's history."""

    kind: Literal["git"]
    path: Path = Field(description="of a repository, or a pattern that several match")
    since: str | None = Field(
        default=None,
        pattern=r"^[0-9a-f]{40}([0-9a-f]{24})?$",
        description="commit; it and its ancestors are left out",
    )


class S3Target(Section):
    """Objects of a bucket."""

    kind: Literal["s3"]
    bucket: str
    prefix: str = ""
    only: tuple[Suffix, ...] = Field(default=(), description="how keys end that are read")
    skip: tuple[Suffix, ...] = Field(default=(), description="how keys end that are not")
    largest_mb: int = Field(default=4096, gt=0)
    versions: bool = Field(default=False, description="what was overwritten or deleted too")
    account: str = Field(
        default="", pattern=r"^(\d{12})?$", description="one of scan.accounts; wickie's own if none"
    )


class LambdaCodeTarget(Section):
    """Code of functions, and layers."""

    kind: Literal["lambda-code"]
    prefix: str = ""
    largest_mb: int = Field(default=256, gt=0, description="packed")


class EcrImageTarget(Section):
    """Images of repositories."""

    kind: Literal["ecr-image"]
    prefix: str = ""
    newest: int | None = Field(default=None, gt=0, description="images of each; none: all")
    largest_mb: int = Field(default=4096, gt=0, description="of one layer, packed")


class CloudWatchLogsTarget(Section):
    """Events of log groups."""

    kind: Literal["cloudwatch-logs"]
    prefix: str = ""
    hours: int = Field(default=24, gt=0, description="of the past")
    sample: int | None = Field(
        default=None, gt=0, le=10_000, description="events at either end of a stream; none: all"
    )


class PrefectTarget(Section):
    """The Prefect that wickie is a client of, by PREFECT_API_URL."""

    kind: Literal["prefect"]
    hours: int = Field(default=24, gt=0, description="of the past, for runs and artifacts")


OwnTarget = (
    DirectoryTarget
    | GitTarget
    | S3Target
    | LambdaCodeTarget
    | EcrImageTarget
    | CloudWatchLogsTarget
    | PrefectTarget
)
