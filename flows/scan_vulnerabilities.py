"""The `scan-vulnerabilities` flow: every target by every scanner, and AWS's own findings."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from prefect import State, flow
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.futures import PrefectFuture
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from prefect.states import Completed
from prefect.task_runners import ThreadPoolTaskRunner

from flows.delivery import delivered
from flows.progress import Progress
from flows.rollback import roll_back
from flows.runner import artifact_key, failed, redact_logs, step, told_safely
from wickie.aws import Clients
from wickie.config import Config, load_config
from wickie.config.vulnerabilities import ScannedTarget
from wickie.deployment import Deployment
from wickie.errors import ConfigError, Error, NothingScannedError, ResponseError
from wickie.model import Gap, to_jsonable
from wickie.report.bus import ROLLBACK, VULNERABILITIES_FOUND, announce
from wickie.report.store import publish
from wickie.report.vulnerabilities import VulnerabilityReport
from wickie.report.vulnerability_page import FILES
from wickie.scan import ledger
from wickie.vulnerabilities.registries import login
from wickie.vulnerabilities.scanner import Attestation, Scanner
from wickie.vulnerabilities.scanning import Scanned, concluded

_TARGETS_AT_ONCE: Final = 2
"""A scanner takes several cores and hundreds of megabytes for itself."""
_ROWS: Final = 200
"""Of the table in Prefect's UI; findings.jsonl has them all."""

Summary = dict[str, Any]


@flow(
    name="scan-vulnerabilities",
    persist_result=False,
    task_runner=ThreadPoolTaskRunner(max_workers=_TARGETS_AT_ONCE),  # type: ignore[arg-type]  # as in nightly_scan
)
def scan_vulnerabilities(
    config: Path = Path("wickie.yaml"), dry_run: bool = False
) -> State[Summary]:
    """
    Scan the configured targets for known vulnerabilities, and roll back what has them.

    Args:
        config: The wickie.yaml that names targets, scanners, what is ignored and rolled back.
        dry_run: Only say what a rollback would change.
    """
    redact_logs()
    try:
        with told_safely("vulnerability scan"):
            return _scan(config, load_config(config), Clients(), dry_run=dry_run)
    except Error as error:
        return failed(error)


def _scan(path: Path, config: Config, clients: Clients, *, dry_run: bool) -> State[Summary]:
    wanted = config.vulnerabilities
    if not wanted.targets:
        raise ConfigError(f"{path} names nothing to scan; add vulnerabilities.targets")
    started = datetime.now(UTC)
    # A mistake in any of these is told before an hour of scanning, not after it.
    threats, suppressions = wanted.threats(), wanted.suppressions()
    deployed = Deployment.load(clients.ssm, config.stage)
    scanners = wanted.open_scanners()
    attested = [
        step(f"prepare {name}", partial(_prepare, s, clients)) for name, s in scanners.items()
    ]
    scanned = list(_scanned(wanted.targets, scanners, clients))
    scan = concluded(
        str(flow_run.id), started, scanned, attested, threats=threats, suppressions=suppressions
    )
    seen = step(
        "record findings",
        lambda: ledger.sightings(
            clients.dynamodb,
            deployed.findings_table,
            (finding.id for finding in scan.findings),
            scan.finished,
        ),
    )
    findings = tuple(
        replace(found, first_seen=seen[found.id][0], last_seen=seen[found.id][1])
        for found in scan.findings
    )
    rollbacks = roll_back(path, config, clients, findings, dry_run=dry_run)
    report = VulnerabilityReport(config.stage, replace(scan, findings=findings), rollbacks)
    files = step(
        "publish report", partial(_publish, clients, deployed.results_bucket, report, scanned)
    )
    step("announce", partial(_announce, clients, report, files))
    _show(report, files)
    return delivered(_concluded(report, files), config, clients, report)


def _prepare(scanner: Scanner, clients: Clients) -> Attestation:
    scanner.refresh(login(clients, scanner.database.source))
    return scanner.attest()


def _scanned(
    targets: Sequence[ScannedTarget], scanners: Mapping[str, Scanner], clients: Clients
) -> Iterator[Scanned]:
    """Each target in a task of its own; one that breaks is a gap."""
    futures: dict[str, PrefectFuture[Scanned]] = {}
    for target in targets:
        futures[target.label] = step.submit(
            f"scan {target.label}", partial(target.scan, scanners, clients)
        )
    progress = Progress("scan-vulnerabilities-progress", len(futures), "target")
    for label, future in futures.items():
        try:
            with told_safely(f"scan of {label}"):
                yield future.result()
        except Error as error:
            yield Scanned(label, gaps=(Gap(label, str(error)),))
        progress.done()


def _publish(
    clients: Clients, bucket: str, report: VulnerabilityReport, scanned: Sequence[Scanned]
) -> dict[str, str]:
    """The report, after the bills of materials of what was scanned."""
    prefix = f"kind=sbom/dt={report.day}/run={report.run_id}"
    for number, each in enumerate(scanned):
        for engine, sbom in each.sboms.items():
            clients.s3.put_object(
                Bucket=bucket,
                Key=f"{prefix}/{number:03}-{engine}.cdx.json",
                Body=json.dumps(sbom).encode(),
                ContentType="application/vnd.cyclonedx+json",
            )
    return publish(clients.s3, bucket, report, FILES)


def _announce(clients: Clients, report: VulnerabilityReport, files: Mapping[str, str]) -> None:
    """One event for all findings: rules are for what is new, and there may be thousands."""
    bus = clients.service("events")
    head = {"stage": report.stage, "run_id": report.run_id}
    if counted := report.counted:
        severities = Counter(found.severity.value for found in counted)
        found = {**head, "headline": report.headline, "severities": severities, "report": files}
        announce(bus, VULNERABILITIES_FOUND, [found])
    announce(bus, ROLLBACK, [{**head, **to_jsonable(each)} for each in report.rollbacks])


def _show(report: VulnerabilityReport, files: Mapping[str, str]) -> None:
    attested = report.scan.scanners
    lines = [
        f"# {report.headline}",
        *(f"- `{uri}`" for uri in files.values()),
        *(f"- {a.engine} {a.version}, database of {a.database.built}" for a in attested),
        *(f"- not scanned: {gap.uri}: {gap.reason}" for gap in report.scan.gaps),
        *(f"- {notice}" for notice in report.scan.notices),
        *(f"- rollback {each.state}: {each.detail}" for each in report.rollbacks),
    ]
    create_markdown_artifact(key=artifact_key("scan-vulnerabilities"), markdown="\n".join(lines))
    for notice in report.scan.notices:
        get_run_logger().warning(notice)
    rows = [
        {
            "severity": found.severity.value,
            "risk": found.risk,
            "advisory": found.advisory,
            "package": f"{found.package} {found.installed}",
            "fixed in": ", ".join(found.fixed),
            "where": found.location.uri,
            "seen by": ", ".join(found.seen_by),
        }
        for found in report.counted[:_ROWS]
    ]
    if rows:
        create_table_artifact(key=artifact_key("scan-vulnerabilities-findings"), table=rows)


def _concluded(report: VulnerabilityReport, files: Mapping[str, str]) -> State[Summary]:
    scan = report.scan
    if not scan.targets:
        why = "; ".join(f"{gap.uri}: {gap.reason}" for gap in scan.gaps)
        return failed(NothingScannedError(f"nothing could be scanned: {why}"))
    summary = {
        "run_id": scan.run_id,
        "headline": report.headline,
        "findings": [found.id for found in report.counted],
        "suppressed": len(report.findings) - len(report.counted),
        "targets": list(scan.targets),
        "gaps": len(scan.gaps),
        "rollbacks": to_jsonable(list(report.rollbacks)),
        "report": dict(files),
    }
    if amiss := [f"{each.target}: {each.detail}" for each in report.rollbacks if each.amiss]:
        return failed(ResponseError("; ".join(amiss)))
    return Completed(message=report.headline, data=summary)
