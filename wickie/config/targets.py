"""What may stand under `scan`: what is read, and in which accounts and regions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from wickie.config.section import Ignored, Section, told_by_pydantic
from wickie.https import checked_url
from wickie.scan.suppression import Baseline, Ignore, read_baseline
from wickie.scan.verification import SECONDS

Region = Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")]

Prefix = Annotated[str, Field(description="how names start; empty: all")]
Suffix = Annotated[str, Field(min_length=1), AfterValidator(str.lower)]


class Account(Section):
    """Another account that is read, by the role of its that wickie assumes."""

    role: str = Field(
        pattern=r"^arn:[a-z-]+:iam::\d{12}:role/[\w+=,.@/-]+$",
        description="its ARN; wickie config scan-role prints a template that makes it",
    )
    regions: tuple[Region, ...] = Field(default=(), description="none: those of wickie's own")
    external_id: str | None = Field(
        default=None, min_length=2, max_length=1224, description="that its trust policy asks for"
    )


class DirectoryTarget(Section):
    """Files under a directory."""

    kind: Literal["directory"]
    path: Path = Field(description="inside the container of the flows")


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
    bucket: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", description="its name")
    prefix: Prefix = ""
    only: tuple[Suffix, ...] = Field(default=(), description="how keys end that are read")
    skip: tuple[Suffix, ...] = Field(default=(), description="how keys end that are not")
    largest_mb: int = Field(default=4096, gt=0, description="of an object, packed")
    versions: bool = Field(default=False, description="what was overwritten or deleted too")
    account: str = Field(
        default="", pattern=r"^(\d{12})?$", description="one of scan.accounts; wickie's own if none"
    )


class LambdaCodeTarget(Section):
    """Code of functions, and layers."""

    kind: Literal["lambda-code"]
    prefix: Prefix = ""
    largest_mb: int = Field(default=256, gt=0, description="packed")


class EcrImageTarget(Section):
    """Images of repositories."""

    kind: Literal["ecr-image"]
    prefix: Prefix = ""
    newest: int | None = Field(default=None, gt=0, description="images of each; none: all")
    largest_mb: int = Field(default=4096, gt=0, description="of one layer, packed")


class CloudWatchLogsTarget(Section):
    """Events of log groups."""

    kind: Literal["cloudwatch-logs"]
    prefix: Prefix = ""
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


class ListedTarget(Section):
    """What an AWS API lists, of names that start with `prefix`; see docs/sources.md."""

    kind: Literal[
        "lambda-environment",
        "ecs-task-definition",
        "codebuild-project",
        "ec2-user-data",
        "ec2-launch-template",
        "autoscaling-launch-configuration",
        "ssm-parameter",
        "ssm-document",
        "cloudformation-stack",
        "step-functions-state-machine",
        "step-functions-execution",
        "glue-job",
        "glue-connection",
        "api-gateway-stage",
        "api-gateway-v2-stage",
        "appsync-api",
        "batch-job-definition",
        "sagemaker-model",
        "sagemaker-notebook-lifecycle",
        "amplify-app",
        "eventbridge-target",
        "secretsmanager-metadata",
        "data-pipeline",
    ]
    prefix: Prefix = ""


Target = Annotated[OwnTarget | ListedTarget, Field(discriminator="kind")]


class IgnoredFinding(Ignored):
    """One that may stay until a day; then it counts again. See docs/findings.md."""

    finding: str = Field(
        pattern=r"^([0-9a-f]{16}|[0-9a-f]{32})$", description="its key or its id, from a report"
    )

    def waiver(self) -> Ignore:
        """The same, to be held against findings."""
        return Ignore(self.finding, self.owner, self.reason, self.until)


Url = Annotated[str, AfterValidator(lambda url: told_by_pydantic(lambda: checked_url(url)))]


class Verify(Section):
    """Where issuers are that have no one address, and how long a run may ask all of them."""

    github: Url | None = Field(default=None, description="https://api.github.com, or your own")
    gitlab: Url | None = Field(default=None, description="https://gitlab.com/api/v4, or your own")
    datadog: Url | None = Field(default=None, description="https://api.<your site>/api")
    sendgrid: Url | None = Field(default=None, description="https://api.<region>sendgrid.com/v3")
    seconds: float = Field(default=SECONDS, gt=0, description="for all questions of a run")

    def urls(self) -> dict[str, str]:
        """Those that are given, by the names of issuers."""
        return self.model_dump(exclude={"seconds"}, exclude_none=True)


class Scan(Section):
    """What the nightly scan reads; when it runs stands in prefect.yaml."""

    targets: tuple[Target, ...] = Field(default=(), description="places to read, by their kind")
    regions: tuple[Region, ...] = Field(default=(), description="none: the one wickie runs in")
    accounts: tuple[Account, ...] = Field(default=(), description="read beside wickie's own")
    shard_gb: float | None = Field(
        default=None, gt=0, description="what one task reads, of more there are several; none: all"
    )
    max_shards: int = Field(default=16, ge=2, le=256, description="tasks at most")
    at_once: Mapping[str, Annotated[int, Field(ge=1)]] = Field(
        default={}, description="targets, by the AWS API that they are read by, in all runs"
    )
    verify: bool | Verify = Field(
        default=False, description="ask issuers whether what was found is live"
    )
    ignore: tuple[IgnoredFinding, ...] = Field(default=(), description="what may stay until a day")
    baseline: Path | None = Field(
        default=None, description="file of what was known, made by wickie scan --baseline-out"
    )

    @model_validator(mode="after")
    def _accounts_known(self) -> Scan:
        known = {account.role.split(":")[4] for account in self.accounts}
        for target in self.targets:
            if isinstance(target, S3Target) and target.account and target.account not in known:
                raise ValueError(f"account {target.account} is not under scan.accounts; add it")
        return self

    @property
    def verification(self) -> Verify | None:
        """Whom to ask whether what was found is live; None: nobody."""
        return Verify() if self.verify is True else self.verify or None

    def waivers(self) -> tuple[Ignore, ...]:
        """What is ignored by name."""
        return tuple(ignore.waiver() for ignore in self.ignore)

    def known(self, key: bytes, baseline: Path | None = None) -> tuple[Baseline, ...]:
        """What was known, by this baseline, or else the one named here. `ConfigError`."""
        path = baseline or self.baseline
        return (read_baseline(path, key),) if path else ()

    def declared(self) -> list[Mapping[str, Any]]:
        """Its targets as plain data: their kind, and the options that were given."""
        return [t.model_dump(mode="json", exclude_defaults=True) for t in self.targets]
