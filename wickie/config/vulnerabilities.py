"""What may stand under `vulnerabilities` in wickie.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, field_validator, model_validator

from wickie.config.rollback import Rollback  # noqa: TC001  (pydantic reads it)
from wickie.config.section import Duration, Ignored, Section, told_by_pydantic
from wickie.vulnerabilities.finding import merged
from wickie.vulnerabilities.grype import Grype
from wickie.vulnerabilities.imported import of_ecr, of_inspector
from wickie.vulnerabilities.program import Program
from wickie.vulnerabilities.registries import Repository, login, repository
from wickie.vulnerabilities.risk import Threats
from wickie.vulnerabilities.scanner import Database, Scanner
from wickie.vulnerabilities.scanning import Scanned, scan_target
from wickie.vulnerabilities.suppression import Ignore, Suppressions, load_vex
from wickie.vulnerabilities.target import Kind, Target
from wickie.vulnerabilities.trivy import Trivy

if TYPE_CHECKING:
    from wickie.aws import Clients

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]

_ENGINES: dict[str, type[Trivy | Grype]] = {"trivy": Trivy, "grype": Grype}


class ImageToScan(Section):
    """A container image in a registry."""

    kind: Literal["image"]
    image: str = Field(description="by digest: registry/repository@sha256:…")

    @field_validator("image")
    @classmethod
    def _by_digest(cls, image: str) -> str:
        told_by_pydantic(lambda: Target(Kind.IMAGE, image))
        return image

    @property
    def label(self) -> str:
        """What it is called in reports."""
        return self.image

    def scan(self, scanners: Mapping[str, Scanner], clients: Clients) -> Scanned:
        """By every scanner, signed in to ECR where it is there."""
        target = Target(Kind.IMAGE, self.image)
        return scan_target(target, scanners, login(clients, self.image))


class PathToScan(Section):
    """Something in the file system of whoever scans."""

    kind: Literal["image-archive", "directory", "lock-file", "sbom", "lambda-zip"]
    path: Path = Field(description="inside the container of the flows")

    @property
    def label(self) -> str:
        """What it is called in reports."""
        return str(self.path)

    def scan(self, scanners: Mapping[str, Scanner], clients: Clients) -> Scanned:  # noqa: ARG002  (that of every target)
        """By every scanner."""
        return scan_target(Target(Kind(self.kind), str(self.path)), scanners)


class EcrFindings(Section):
    """What ECR's own scan found in an image."""

    kind: Literal["ecr-findings"]
    repository: str = Field(description="its name")
    digest: str = Field(pattern=r"^sha256:[0-9a-f]{64}$", description="of the image")

    @property
    def label(self) -> str:
        """What it is called in reports."""
        return f"ECR's findings in {self.repository}@{self.digest}"

    def scan(self, scanners: Mapping[str, Scanner], clients: Clients) -> Scanned:  # noqa: ARG002  (that of every target)
        """By ECR, some time ago."""
        found = of_ecr(clients.service("ecr"), self.repository, self.digest)
        return Scanned(f"{self.repository}@{self.digest}", ("ecr",), merged(found))


class InspectorFindings(Section):
    """Amazon Inspector's active findings on packages."""

    kind: Literal["inspector-findings"]
    resource_type: (
        Literal["AWS_EC2_INSTANCE", "AWS_ECR_CONTAINER_IMAGE", "AWS_LAMBDA_FUNCTION"] | None
    ) = Field(default=None, description="none: all")

    @property
    def label(self) -> str:
        """What it is called in reports."""
        return " ".join(filter(None, ("Inspector's findings", self.resource_type)))

    def scan(self, scanners: Mapping[str, Scanner], clients: Clients) -> Scanned:  # noqa: ARG002  (that of every target)
        """By Inspector, some time ago."""
        found = of_inspector(clients.service("inspector2"), self.resource_type)
        return Scanned(self.label, ("inspector",), merged(found))


ScannedTarget = Annotated[
    ImageToScan | PathToScan | EcrFindings | InspectorFindings, Field(discriminator="kind")
]


class ScannerDatabase(Section):
    """Where a scanner's advisories are, and which will do."""

    directory: Path = Field(description="its cache directory, with the database in it")
    sha256: Sha256 | None = Field(default=None, description="digest of the database file")
    max_age: Duration | None = Field(default=None, description="default 5d, any with sha256")
    source: str | None = Field(
        default=None,
        description="brought up to date from: Trivy a repository, as "
        "registry/trivy-db:2; Grype a URL; default: left as it is",
    )


class ScannerProgram(Section):
    """A scanner to run."""

    engine: Literal["trivy", "grype"] = Field(description="which scanner it is")
    program: str | None = Field(default=None, description="path; default: the one on PATH")
    sha256: Sha256 | None = Field(
        default=None, description="of the program; default: those wickie knows"
    )
    database: ScannerDatabase
    timeout: Duration = Field(default=timedelta(minutes=10), description="for each target")

    def open(self) -> Scanner:
        """The scanner as it is to be run."""
        return _ENGINES[self.engine](
            Program(self.engine, self.program, self.sha256),
            Database(**dict(self.database)),
            self.timeout.total_seconds(),
        )


class IgnoredVulnerability(Ignored):
    """One that may stay until a day; then it counts again."""

    advisory: str = Field(min_length=1, description="CVE, GHSA or other name of it")
    purl: str | None = Field(default=None, description="package URL; without a version: all")
    target: str | None = Field(default=None, description="pattern, as shop/*; default: all")

    def waiver(self) -> Ignore:
        """The same, to be held against findings."""
        return Ignore(self.advisory, self.owner, self.reason, self.until, self.purl, self.target)


class Vulnerabilities(Section):
    """What is scanned for vulnerabilities, by what; when stands in prefect.yaml."""

    targets: tuple[ScannedTarget, ...] = Field(default=(), description="what is scanned")
    scanners: tuple[ScannerProgram, ...] = Field(default=(), description="one or both")
    ignore: tuple[IgnoredVulnerability, ...] = Field(default=(), description="what may stay")
    vex: tuple[Path, ...] = Field(default=(), description="OpenVEX documents")
    epss: Path | None = Field(default=None, description="FIRST's epss_scores CSV, or its gzip")
    kev: Path | None = Field(default=None, description="CISA's catalogue in JSON")
    rollback: tuple[Rollback, ...] = Field(
        default=(), description="what leaves service when it is found vulnerable"
    )

    @field_validator("scanners")
    @classmethod
    def _each_once(cls, scanners: tuple[ScannerProgram, ...]) -> tuple[ScannerProgram, ...]:
        if len({scanner.engine for scanner in scanners}) < len(scanners):
            raise ValueError("an engine stands here twice; name each once")
        return scanners

    @model_validator(mode="after")
    def _somebody_scans(self) -> Vulnerabilities:
        if not self.scanners and any(isinstance(t, ImageToScan | PathToScan) for t in self.targets):
            raise ValueError("nobody scans these targets; add scanners")
        return self

    @property
    def pulled(self) -> tuple[Repository, ...]:
        """Where in ECR images, and databases of scanners, are pulled from."""
        references = [t.image for t in self.targets if isinstance(t, ImageToScan)]
        references += [s.database.source for s in self.scanners if s.database.source]
        return tuple(filter(None, map(repository, references)))

    def open_scanners(self) -> dict[str, Scanner]:
        """The scanners, by their engines."""
        return {scanner.engine: scanner.open() for scanner in self.scanners}

    def suppressions(self) -> Suppressions:
        """Ignores and OpenVEX statements. Raises `ConfigError` for a document that is none."""
        return Suppressions(
            tuple(ignore.waiver() for ignore in self.ignore),
            tuple(statement for path in self.vex for statement in load_vex(path)),
        )

    def threats(self) -> Threats:
        """What is known of exploitation."""
        return Threats.load(self.epss, self.kev)
