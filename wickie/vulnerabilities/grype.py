"""Grype: run as a program, offline, with a database of one's own."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from wickie.credentials import Sensitive
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

    from wickie.vulnerabilities.program import Done, Program

_SOURCES: Final[Mapping[Kind, str]] = {
    Kind.IMAGE: "registry",
    Kind.IMAGE_ARCHIVE: "docker-archive",
    Kind.DIRECTORY: "dir",
    Kind.LOCK_FILE: "file",
    Kind.SBOM: "sbom",
    Kind.LAMBDA_ZIP: "dir",
}
_OF_THE_DISTRIBUTION: Final = ("deb", "rpm", "apk", "alpm", "portage")


@dataclass(frozen=True)
class Grype:
    """A scanner by Anchore."""

    program: Program
    database: Database
    timeout: float = 600.0

    def refresh(self, login: Login | None = None) -> None:  # noqa: ARG002  (a URL has none)
        """Fetch the database from the URL that is configured, if there is a newer one."""
        if self.database.source:
            with tempfile.TemporaryDirectory(prefix="wickie-grype-") as scratch:
                done = self._run(["db", "update"], scratch)
            if done.code:
                raise ConfigError(
                    f"grype's database cannot be fetched from {self.database.source}: {done.told}"
                )

    def attest(self) -> Attestation:
        """Ask Grype for its version and that of its database."""
        _, digest = self.program.verified()
        with tempfile.TemporaryDirectory(prefix="wickie-grype-") as scratch:
            asked = self._run(["version", "--output", "json"], scratch)
            done = self._run(["db", "status", "--output", "json"], scratch)
        try:
            version = str(json.loads(asked.out)["version"])
            status: Any = json.loads(done.out)
            if done.code or not status.get("valid") or not status.get("built"):
                raise ConfigError(
                    f"grype has no usable database in {self.database.directory} "
                    f"({status.get('error') or done.told}); fetch one there with "
                    f"`GRYPE_DB_CACHE_DIR={self.database.directory} grype db update`"
                )
            built = datetime.fromisoformat(status["built"])
            file, schema = Path(status["path"]), str(status["schemaVersion"])
        except (ValueError, KeyError, TypeError):
            why = done.told or asked.told or done.code
            raise ConfigError(f"grype does not tell its version: {why}") from None
        known = self.database.checked("grype", file, built, schema)
        return Attestation("grype", version, digest, known)

    def scan(self, target: Target, login: Login | None = None) -> ScannerResult:
        """Scan one target."""
        with (
            laid_out(target) as place,
            tempfile.TemporaryDirectory(prefix="wickie-grype-") as scratch,
        ):
            output, bill = Path(scratch, "result.json"), Path(scratch, "sbom.json")
            written = ("--output", f"json={output}", "--output", f"cyclonedx-json={bill}")
            source = f"{_SOURCES[target.kind]}:{place}"
            done = self._run([*written, source], scratch, login)
            found = tuple(_findings(target, _report(target, done, output), place))
            sbom: dict[str, Any] = json.loads(bill.read_text())  # by Syft, which is part of Grype
            packages = sum("purl" in component for component in sbom.get("components", ()))
            return ScannerResult(found, packages, sbom=sbom)

    def _run(self, arguments: Sequence[str], scratch: str, login: Login | None = None) -> Done:
        """Every setting stands in the file: none of the machine's counts."""
        settings = Path(scratch, "settings.json")
        source = {"update-url": self.database.source} if self.database.source else {}
        database = {
            "cache-dir": str(self.database.directory.absolute()),
            "auto-update": False,
            "validate-age": False,  # by us, with a limit of ours
            **source,
        }
        # JSON is YAML too, of which Grype's settings are made.
        settings.write_text(json.dumps({"check-for-app-update": False, "db": database}))
        return self.program.run(
            ["--config", str(settings), "--quiet", *arguments],
            scratch,
            self.timeout,
            _secrets(login) if login else None,
        )


def _secrets(login: Login) -> dict[str, Sensitive]:
    return {
        "GRYPE_REGISTRY_AUTH_AUTHORITY": Sensitive(login.registry),
        "GRYPE_REGISTRY_AUTH_USERNAME": Sensitive(login.username),
        "GRYPE_REGISTRY_AUTH_PASSWORD": login.password,
    }


def _report(target: Target, done: Done, output: Path) -> dict[str, Any]:
    # Findings have no exit code of their own without --fail-on: 0 is the only good one.
    if done.code:
        raise SourceError(f"grype could not scan {target.name}: {done.told or done.code}")
    try:
        report: dict[str, Any] = json.loads(output.read_text())
        if not isinstance(report["matches"], list) or not report["descriptor"]["version"]:
            raise SourceError(f"grype wrote no report on {target.name}; scan it again")
    except (OSError, ValueError, KeyError, TypeError):
        raise SourceError(f"grype wrote no report on {target.name}; scan it again") from None
    return report


def _findings(target: Target, report: Mapping[str, Any], place: str) -> Iterator[Vulnerability]:
    for match in report["matches"]:
        yield _finding(target, match, place)


def _finding(target: Target, match: Mapping[str, Any], place: str) -> Vulnerability:
    found, package = match["vulnerability"], match["artifact"]
    names = (found["id"], *(each["id"] for each in match.get("relatedVulnerabilities") or ()))
    purl = plain_purl(package.get("purl") or f"pkg:generic/{package['name']}@{package['version']}")
    where = _place(package)
    file = "" if package.get("type") in _OF_THE_DISTRIBUTION else where.get("path", "")
    location = target.place(file.removeprefix(place))
    advisory = advisory_of(names)
    exploited = found.get("knownExploited") or ()
    return Vulnerability(
        id=vulnerability_id(purl, advisory, location.uri),
        advisory=advisory,
        title=found.get("description") or advisory,
        severity=severity_of(found.get("severity") or ""),
        purl=purl,
        package=package["name"],
        installed=package["version"],
        target=target.name,
        location=location,
        fixed=tuple((found.get("fix") or {}).get("versions") or ()),
        aliases=tuple(sorted(set(names) - {advisory})),
        cvss=tuple(each["metrics"]["baseScore"] for each in found.get("cvss") or ()),
        epss=next((each["epss"] for each in found.get("epss") or ()), None),
        kev=bool(exploited),
        ransomware=any(
            each.get("knownRansomwareCampaignUse", "").lower() == "known" for each in exploited
        ),
        layer=where.get("layerID") or None,
        url=found.get("dataSource", ""),
        seen_by=("grype",),
    )


def _place(package: Mapping[str, Any]) -> Mapping[str, Any]:
    """Of the files that tell of a package the one that is its evidence."""
    places: Sequence[Mapping[str, Any]] = package.get("locations") or ()
    primary = (p for p in places if (p.get("annotations") or {}).get("evidence") == "primary")
    return next(primary, places[0] if places else {})
