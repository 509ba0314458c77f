"""What a scanner is: a program that is known by its digest, a database by its age, findings."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Protocol

from wickie.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from wickie.credentials import Sensitive
    from wickie.vulnerabilities.finding import Vulnerability
    from wickie.vulnerabilities.program import Program
    from wickie.vulnerabilities.target import Target

MAX_AGE: Final = timedelta(days=5)
"""Of a database that is not pinned; what Grype takes too."""


@dataclass(frozen=True)
class Login:
    """How the registry of an image is signed in to."""

    registry: str
    username: str
    password: Sensitive


@dataclass(frozen=True)
class Database:
    """Where a scanner's advisories are, and which of them will do."""

    directory: Path
    sha256: str | None = None
    """Digest of the database file, for those who choose when it changes."""
    max_age: timedelta | None = None
    """Default: `MAX_AGE`, or any where `sha256` is given."""
    source: str | None = None
    """Registry (Trivy) or URL (Grype) of one's own that it is brought up to date from."""

    def checked(self, engine: str, file: Path, built: datetime, schema: str) -> DatabaseIdentity:
        """Raise `ConfigError` unless it is the one that is wanted."""
        digest = file_sha256(file) if self.sha256 else None
        if digest != self.sha256:
            raise ConfigError(
                f"{engine}'s database {file} has digest {digest}, not the pinned {self.sha256}; "
                f"restore it, or pin the new one"
            )
        limit = self.max_age or (None if self.sha256 else MAX_AGE)
        age = datetime.now(UTC) - built
        if limit and age > limit:
            raise ConfigError(
                f"{engine}'s database in {self.directory} is {age.days} days old and may be "
                f"{limit.total_seconds() / 86400:g}; bring it up to date, or raise max_age"
            )
        return DatabaseIdentity(schema, built, digest)


@dataclass(frozen=True)
class DatabaseIdentity:
    """Which advisories a scan went by."""

    schema: str
    built: datetime
    sha256: str | None = None


@dataclass(frozen=True)
class Attestation:
    """Who scanned, to be named in every report."""

    engine: str
    version: str
    sha256: str
    database: DatabaseIdentity


@dataclass(frozen=True)
class ScannerResult:
    """What one scanner saw in one target."""

    findings: tuple[Vulnerability, ...]
    packages: int | None = None
    """How many it looked at; None where it does not say."""
    caveats: tuple[str, ...] = ()
    """Why there may be more than it saw."""
    sbom: dict[str, Any] | None = field(default=None, repr=False)
    """CycloneDX."""


class Scanner(Protocol):
    """Finds known vulnerabilities. One object may be used by several threads at a time."""

    @property
    def program(self) -> Program:
        """What is run."""

    @property
    def database(self) -> Database:
        """What it goes by."""

    def refresh(self, login: Login | None = None) -> None:
        """Bring the database up to date, where its configuration names a source."""

    def attest(self) -> Attestation:
        """Say who scans, by what. Raises `ConfigError` unless it is what is wanted."""

    def scan(self, target: Target, login: Login | None = None) -> ScannerResult:
        """Scan. Raises `SourceError` where it could not: never clean by mistake."""


def file_sha256(path: Path) -> str:
    """Digest of a large file, computed anew only if it has changed."""
    try:
        stat = path.stat()
        return _sha256(path, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror}); correct the path") from None


@lru_cache(maxsize=32)
def _sha256(path: Path, *_identity: int) -> str:
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
