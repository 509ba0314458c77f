"""`wickie vulnerabilities`: scan what was named, say what was found, change nothing."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Final, Literal

from rich.box import SIMPLE_HEAD
from rich.table import Table

from wickie.aws import Clients
from wickie.cli.consoles import progress
from wickie.cli.failures import explain, warn
from wickie.cli.writing import write
from wickie.config import load_config
from wickie.errors import ConfigError, NothingScannedError
from wickie.model import Gap
from wickie.report.terminal import STYLES, plain
from wickie.report.vulnerabilities import VulnerabilityReport, render_json, render_sarif
from wickie.vulnerabilities.registries import login
from wickie.vulnerabilities.scanning import Scanned, concluded, scan_target
from wickie.vulnerabilities.target import guessed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from rich.console import Console

    from wickie.config.vulnerabilities import Vulnerabilities
    from wickie.vulnerabilities.scanner import Scanner

_RENDERERS: Final[Mapping[str, Callable[[VulnerabilityReport], str]]] = {
    "json": render_json,
    "sarif": render_sarif,
}


def run(
    targets: Sequence[str],
    config_path: Path,
    output: Literal["table", "json", "sarif"],
    file: Path | None,
    sboms: Path | None,
) -> int:
    """Scan and write the result; return the exit code."""
    for path in filter(None, (file and file.parent, sboms)):
        if not path.is_dir():
            raise ConfigError(f"there is no directory {path} to write to; create it")
    config = load_config(config_path)
    wanted, started = config.vulnerabilities, datetime.now(UTC)
    if not (targets or wanted.targets):
        raise ConfigError(f"{config_path} names nothing to scan; add vulnerabilities.targets")
    if targets and not wanted.scanners:
        raise ConfigError(f"{config_path} names nobody who scans; add vulnerabilities.scanners")
    threats, suppressions = wanted.threats(), wanted.suppressions()
    scanners, clients = wanted.open_scanners(), Clients()
    with progress().status("scanning"):
        for scanner in scanners.values():
            scanner.refresh(login(clients, scanner.database.source))
        attested = [scanner.attest() for scanner in scanners.values()]
        scanned = list(_scanned(targets, wanted, scanners, clients))
    scan = concluded(
        uuid.uuid4().hex, started, scanned, attested, threats=threats, suppressions=suppressions
    )
    for gap in scan.gaps:
        warn(f"not scanned: {gap.uri}: {gap.reason}")
    for notice in scan.notices:
        warn(notice)
    if not scan.targets:
        raise NothingScannedError("nothing could be scanned, so nothing is known; see above")
    if sboms:
        _write_sboms(scanned, sboms)
    report = VulnerabilityReport(config.stage, scan)
    render = _RENDERERS.get(output)
    write(render and partial(render, report), partial(_print, report), file)
    return report.exit_code()


def _scanned(
    targets: Sequence[str],
    wanted: Vulnerabilities,
    scanners: Mapping[str, Scanner],
    clients: Clients,
) -> Iterator[Scanned]:
    if targets:
        for target in map(guessed, targets):
            yield scan_target(target, scanners, login(clients, target.reference))
        return
    for each in wanted.targets:
        try:
            yield each.scan(scanners, clients)
        except Exception as error:  # noqa: BLE001  (the other targets are still to be scanned)
            yield Scanned(each.label, gaps=(Gap(each.label, explain(error)),))


def _write_sboms(scanned: Sequence[Scanned], folder: Path) -> None:
    for number, each in enumerate(scanned):
        for engine, sbom in each.sboms.items():
            (folder / f"{number:03}-{engine}.cdx.json").write_text(json.dumps(sbom, indent=2))


def _print(report: VulnerabilityReport, console: Console) -> None:
    """For a person: the most urgent first."""
    table = Table(box=SIMPLE_HEAD)
    for head in ("Severity", "Risk", "Advisory", "Package", "Fixed in", "Where", "Seen by"):
        table.add_column(head, overflow="fold")
    for found in report.findings:
        by = found.suppressed_by
        table.add_row(
            plain(found.severity.lower(), STYLES.get(found.severity, "")),
            "" if found.risk is None else f"{found.risk:.1f}",
            plain(found.advisory),
            plain(f"{found.package} {found.installed}"),
            plain(", ".join(found.fixed)),
            plain(found.location.uri + (f":{found.location.line}" if found.location.line else "")),
            plain(f"suppressed: {by.reason}" if by else ", ".join(found.seen_by)),
        )
    if report.findings:
        console.print(table)
    for attested in report.scan.scanners:
        built = f"{attested.database.built:%Y-%m-%d %H:%M} UTC"
        console.print(plain(f"{attested.engine} {attested.version}, database of {built}"))
    console.print(plain(report.headline))
