"""Trivy: run as a program, offline, with a database of one's own."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from wickie.errors import ConfigError, SourceError
from wickie.vulnerabilities.finding import (
    Vulnerability,
    advisory_of,
    plain_purl,
    severity_of,
    vulnerability_id,
)
from wickie.vulnerabilities.scanner import Attestation, Database, Login, ScannerResult
from wickie.vulnerabilities.target import Kind, Target, laid_out

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from wickie.credentials import Sensitive
    from wickie.vulnerabilities.program import Done, Program

_COMMANDS: Final[Mapping[Kind, Sequence[str]]] = {
    Kind.IMAGE: ("image", "--image-src", "remote"),
    Kind.IMAGE_ARCHIVE: ("image", "--input"),
    Kind.DIRECTORY: ("fs",),
    Kind.LOCK_FILE: ("fs",),
    Kind.SBOM: ("sbom",),
    Kind.LAMBDA_ZIP: ("rootfs",),  # what is installed, where `fs` reads what is to be
}
_QUIET: Final = ("--quiet", "--skip-version-check", "--disable-telemetry")
# The memory backend, because the default one locks its file: of several scans at a time all but
# one fail. https://github.com/aquasecurity/trivy/issues/10689
_OFFLINE: Final = (
    *("--skip-db-update", "--skip-java-db-update", "--skip-vex-repo-update", "--offline-scan"),
    *("--cache-backend", "memory"),
)
_FOUND: Final = 10
"""Our own exit code for findings: 1, Trivy's default, is also that of its errors."""
_IN_A_FILE: Final = "lang-pkgs"


@dataclass(frozen=True)
class Trivy:
    """A scanner by Aqua Security."""

    program: Program
    database: Database
    timeout: float = 600.0

    def refresh(self, login: Login | None = None) -> None:
        """Fetch the database from the registry that is configured, if it has a newer one."""
        if self.database.source:
            source = ("--download-db-only", "--db-repository", self.database.source)
            with tempfile.TemporaryDirectory(prefix="wickie-trivy-") as scratch:
                done = self._run(["image", *source, *_QUIET], scratch, login)
            if done.code:
                raise ConfigError(
                    f"trivy's database cannot be fetched from {self.database.source}: {done.told}"
                )

    def attest(self) -> Attestation:
        """Ask Trivy for its version and that of its database."""
        _, digest = self.program.verified()
        with tempfile.TemporaryDirectory(prefix="wickie-trivy-") as scratch:
            done = self._run(["version", "--format", "json"], scratch)
        try:
            said: Any = json.loads(done.out)
            version = str(said["Version"])
            if not said.get("VulnerabilityDB"):
                raise ConfigError(
                    f"trivy has no database in {self.database.directory}; fetch one there with "
                    f"`trivy image --download-db-only --cache-dir {self.database.directory}`"
                )
            built = datetime.fromisoformat(said["VulnerabilityDB"]["UpdatedAt"])
            schema = str(said["VulnerabilityDB"]["Version"])
        except (ValueError, KeyError, TypeError):
            raise ConfigError(
                f"trivy does not tell its version: {done.told or done.code}"
            ) from None
        file = self.database.directory / "db" / "trivy.db"
        known = self.database.checked("trivy", file, built, schema)
        return Attestation("trivy", version, digest, known)

    def scan(self, target: Target, login: Login | None = None) -> ScannerResult:
        """Scan one target."""
        with (
            laid_out(target) as place,
            tempfile.TemporaryDirectory(prefix="wickie-trivy-") as scratch,
        ):
            output = Path(scratch, "result.json")
            options = ("--format", "json", "--output", str(output), "--exit-code", str(_FOUND))
            limits = ("--timeout", f"{self.timeout:.0f}s")
            # Of an SBOM nothing but packages can be asked.
            wanted = () if target.kind is Kind.SBOM else ("--scanners", "vuln")
            flags = [*_QUIET, *_OFFLINE, *wanted, *options, *limits]
            command = _COMMANDS[target.kind]
            done = self._run([command[0], *flags, *command[1:], place], scratch, login)
            report = _report(target, done, output)
            findings = tuple(_findings(target, report, place))
            if bool(findings) != (done.code == _FOUND):
                raise SourceError(f"trivy contradicts itself about {target.name}; scan it again")
            packages = sum(len(each.get("Packages") or ()) for each in _results(report))
            sbom = self._sbom(output, scratch)
            return ScannerResult(findings, packages, tuple(_caveats(report)), sbom)

    def _sbom(self, report: Path, scratch: str) -> dict[str, Any]:
        output = Path(scratch, "sbom.json")
        flags = ("--quiet", "--format", "cyclonedx", "--output", str(output))
        done = self._run(["convert", *flags, str(report)], scratch)
        if done.code:
            raise SourceError(f"trivy wrote no SBOM: {done.told}")
        sbom: dict[str, Any] = json.loads(output.read_text())
        return sbom

    def _run(self, arguments: Sequence[str], scratch: str, login: Login | None = None) -> Done:
        command, *rest = arguments
        secrets: dict[str, Sensitive] = {"TRIVY_PASSWORD": login.password} if login else {}
        user = ["--username", login.username] if login else []
        cache = ["--cache-dir", str(self.database.directory.absolute())]
        return self.program.run([command, *cache, *user, *rest], scratch, self.timeout, secrets)


def _report(target: Target, done: Done, output: Path) -> dict[str, Any]:
    if done.code == 1 and "Java DB" in done.told:
        raise SourceError(
            f"trivy could not scan {target.name}: for its JARs it needs the Java database; fetch "
            f"it into the same directory with `trivy image --download-java-db-only`"
        )
    if done.code not in (0, _FOUND):
        raise SourceError(f"trivy could not scan {target.name}: {done.told or done.code}")
    try:
        report: dict[str, Any] = json.loads(output.read_text())
        if report["SchemaVersion"] != 2:  # noqa: PLR2004  (Trivy's own number)
            raise SourceError(f"trivy wrote schema {report['SchemaVersion']}; wickie reads 2")
    except (OSError, ValueError, KeyError, TypeError):
        raise SourceError(f"trivy wrote no report on {target.name}; scan it again") from None
    return report


def _results(report: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return report.get("Results") or ()


def _findings(target: Target, report: Mapping[str, Any], place: str) -> Iterator[Vulnerability]:
    for result in _results(report):
        lines = dict(_lines(result))
        for found in result.get("Vulnerabilities") or ():
            yield _finding(target, result, found, lines, place)


def _finding(
    target: Target,
    result: Mapping[str, Any],
    found: Mapping[str, Any],
    lines: Mapping[str, int],
    place: str,
) -> Vulnerability:
    names = (found["VulnerabilityID"], *(found.get("VendorIDs") or ()))
    identifier = found.get("PkgIdentifier") or {}
    purl = plain_purl(identifier.get("PURL") or f"pkg:generic/{found['PkgName']}")
    # Packages of the distribution lie in its database; those of a language each in a file.
    file = found.get("PkgPath") or result["Target"] if result.get("Class") == _IN_A_FILE else ""
    location = target.place(file.removeprefix(place), lines.get(identifier.get("UID", "")))
    advisory = advisory_of(names)
    scores = (each.get("V3Score") or each.get("V40Score") for each in _cvss(found))
    return Vulnerability(
        id=vulnerability_id(purl, advisory, location.uri),
        advisory=advisory,
        title=found.get("Title") or advisory,
        severity=severity_of(found.get("Severity") or ""),
        purl=purl,
        package=found["PkgName"],
        installed=found.get("InstalledVersion", ""),
        target=target.name,
        location=location,
        fixed=tuple(filter(None, map(str.strip, found.get("FixedVersion", "").split(",")))),
        aliases=tuple(sorted(set(names) - {advisory})),
        cvss=tuple(filter(None, scores)),
        layer=(found.get("Layer") or {}).get("DiffID") or None,
        url=found.get("PrimaryURL", ""),
        seen_by=("trivy",),
    )


def _cvss(found: Mapping[str, Any]) -> Sequence[Mapping[str, float]]:
    return tuple((found.get("CVSS") or {}).values())


def _lines(result: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """The lines of a lock file that pin packages, by Trivy's ids of these."""
    for package in result.get("Packages") or ():
        for place in (package.get("Locations") or ())[:1]:
            yield package.get("Identifier", {}).get("UID", ""), place["StartLine"]


def _caveats(report: Mapping[str, Any]) -> Iterator[str]:
    """Of a distribution at its end nobody says any more what is vulnerable in it."""
    system = (report.get("Metadata") or {}).get("OS") or {}
    if system.get("EOSL"):
        yield (
            f"{system.get('Family')} {system.get('Name')} is no longer supported, so its "
            f"vulnerabilities are not told; move to a newer release"
        )
