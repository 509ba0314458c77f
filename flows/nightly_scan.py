"""
The `nightly-scan` flow: read every target, contain what leaked at once, then report.

Containment comes first. A secret is rotated as soon as the target that held it has been read,
in this process, while other targets are still being read: it waits for no container and no report.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final, Self

from prefect import State, flow
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.futures import PrefectFuture, as_completed
from prefect.runtime import flow_run
from prefect.states import Completed
from prefect.task_runners import ThreadPoolTaskRunner

from flows.containment import Containment
from flows.prefect_api import prefect_api
from flows.runner import failed, redact_logs, step, told_safely
from wickie.aws import Clients
from wickie.config import Config, load_config
from wickie.deployment import Deployment
from wickie.errors import ConfigError, Error, NothingScannedError, RotationError
from wickie.fingerprints import FingerprintTable, working_key
from wickie.model import Finding, Gap, RotationOutcome, RotationState, ScanResult
from wickie.report.bus import announce_leaks
from wickie.report.headline import headline
from wickie.report.record import Report
from wickie.report.store import publish
from wickie.scan import cache, engine, ledger
from wickie.scan.cache import ScanCache
from wickie.scan.detectors import Detector, open_detectors
from wickie.scan.places import Opening, openings

_TARGETS_AT_ONCE: Final = 4
_ROWS: Final = 200
"""Of the table in Prefect's UI; the report has them all."""
_CONTAINED: Final = (RotationState.ROTATED, RotationState.DEBOUNCED)

Responses = Mapping[tuple[str, str], RotationOutcome]
Summary = dict[str, Any]


@flow(
    name="nightly-scan",
    persist_result=False,
    task_runner=ThreadPoolTaskRunner(max_workers=_TARGETS_AT_ONCE),  # type: ignore[arg-type]  # Prefect declares its own runner's parameter invariant
)
def nightly_scan(config: Path = Path("wickie.yaml")) -> State[Summary]:
    """
    Scan the configured targets and rotate what leaked.

    Args:
        config: The wickie.yaml that names targets, secrets and limits.
    """
    redact_logs()
    try:
        with told_safely("nightly scan"):
            return _nightly_scan(config, load_config(config), Clients())
    except Error as error:
        return failed(error)


def _nightly_scan(path: Path, config: Config, clients: Clients) -> State[Summary]:
    if not config.scan.targets:
        raise ConfigError(f"{path} names nothing to scan; add scan.targets")
    deployed = Deployment.load(clients.ssm, config.stage)
    scanner = step("open fingerprints", lambda: _Scanner.open(clients, deployed))
    opened = step("find targets", lambda: tuple(openings(config.scan, clients, prefect_api)))
    results: list[ScanResult] = []
    with Containment(config, clients, deployed.findings_table) as containment:
        for result in _scanned(opened, scanner):
            if config.response.rotate_on_leak:
                containment.respond(result.findings)
            results.append(result)
        responses = containment.outcomes()
    scan = _merged(results)
    judged = tuple(_judged(scan.findings, responses))
    findings = step(
        "record findings",
        lambda: ledger.record(clients.dynamodb, deployed.findings_table, judged, scan.finished),
    )
    scan = replace(scan, findings=findings)
    report = Report(config.stage, scan, tuple(responses.values()))
    files = step("publish report", lambda: publish(clients.s3, deployed.results_bucket, report))
    step("announce", lambda: announce_leaks(clients, config.stage, report.findings))
    _show(report, files)
    return _concluded(report, scan, files)


@dataclass(frozen=True)
class _Scanner:
    """What every target of one run is scanned with."""

    clients: Clients
    bucket: str
    key: bytes = field(repr=False)
    detectors: Sequence[Detector] = field(repr=False)
    run_id: str

    @classmethod
    def open(cls, clients: Clients, deployed: Deployment) -> Self:
        key = working_key(clients.kms, deployed.fingerprint_key)
        table = FingerprintTable(clients.dynamodb, deployed.fingerprint_table)
        detectors = open_detectors(key, tuple(table.load()))
        return cls(clients, deployed.results_bucket, key, detectors, str(flow_run.id))

    def scan(self, opening: Opening) -> ScanResult:
        """Scan one target; look only at what has changed since its last scan."""
        s3, name = self.clients.s3, opening.name
        known = ScanCache(self.detectors, self.key, cache.load(s3, self.bucket, name))
        result = engine.scan([opening.open()], self.detectors, run_id=self.run_id, cache=known)
        cache.save(s3, self.bucket, name, known.dump())
        return result

    def unread(self, gap: Gap) -> ScanResult:
        """What there is to say of something that could not be read at all."""
        now = datetime.now(UTC)
        return ScanResult(self.run_id, now, now, 0, 0, gaps=(gap,))


def _scanned(opened: Iterable[Opening | Gap], scanner: _Scanner) -> Iterator[ScanResult]:
    """Scan every target, each in a task; yield what was seen in each as soon as it is done."""
    futures: dict[PrefectFuture[ScanResult], str] = {}
    for opening in opened:
        if isinstance(opening, Gap):
            yield scanner.unread(opening)
        else:
            scan = partial(scanner.scan, opening)
            futures[step.submit(f"scan {opening.name}", scan)] = opening.name
    for future in as_completed(list(futures)):
        name = futures[future]
        try:
            with told_safely(f"scan of {name}"):
                result = future.result()
        except Error as error:
            result = scanner.unread(Gap(name, str(error)))
        yield result


def _merged(results: Sequence[ScanResult]) -> ScanResult:
    return ScanResult(
        run_id=results[0].run_id,
        started=min(result.started for result in results),
        finished=max(result.finished for result in results),
        bytes_scanned=sum(result.bytes_scanned for result in results),
        artifacts=sum(result.artifacts for result in results),
        unchanged=sum(result.unchanged for result in results),
        findings=tuple({f.id: f for result in results for f in result.findings}.values()),
        gaps=tuple(gap for result in results for gap in result.gaps),
    )


def _judged(findings: Iterable[Finding], responses: Responses) -> Iterator[Finding]:
    """Say of each managed finding what its response proved about the value."""
    proven = {
        (arn, outcome.from_version): outcome.old_credential
        for (arn, _), outcome in responses.items()
    }
    for finding in findings:
        leaked = finding.managed
        verdict = leaked and proven.get((leaked.arn, leaked.version_id))
        yield replace(finding, verdict=verdict) if verdict else finding


def _show(report: Report, files: Mapping[str, str]) -> None:
    """Put the headline and the findings where people look at the run; no plaintext is in either."""
    words = headline(report)
    links = "\n".join(f"- `{uri}`" for uri in files.values())
    create_markdown_artifact(
        key="nightly-scan", markdown=f"# {words.text}\n\n{words.detail}\n\n{links}\n"
    )
    rows = [
        {
            "severity": finding.severity.value,
            "what": finding.title,
            "where": finding.location.uri,
            "line": finding.location.line,
            "verdict": finding.verdict.value,
        }
        for finding in report.findings[:_ROWS]
    ]
    if rows:
        create_table_artifact(key="nightly-scan-findings", table=rows)


def _concluded(report: Report, scan: ScanResult, files: Mapping[str, str]) -> State[Summary]:
    if not scan.artifacts:
        why = "; ".join(f"{gap.uri}: {gap.reason}" for gap in scan.gaps) or "all targets are empty"
        return failed(NothingScannedError(f"nothing could be read: {why}"))
    undone = [r.error or r.secret for r in report.rotations if r.state not in _CONTAINED]
    if undone:
        return failed(RotationError("; ".join(undone)))
    summary = {
        "run_id": scan.run_id,
        "headline": headline(report).text,
        "findings": [finding.id for finding in scan.findings],
        "artifacts": scan.artifacts,
        "unchanged": scan.unchanged,
        "bytes": scan.bytes_scanned,
        "gaps": len(scan.gaps),
        "rotations": [
            {"secret": r.secret, "state": r.state.value, "from": r.from_version, "to": r.to_version}
            for r in report.rotations
        ],
        "report": dict(files),
    }
    return Completed(message=headline(report).text, data=summary)
