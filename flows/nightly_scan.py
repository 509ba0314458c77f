"""
The `nightly-scan` flow: read every target, contain what leaked at once, then report.

Containment comes first. A secret is rotated as soon as the target that held it has been read,
in the process that read it, while other targets are still being read: it waits for no container
and no report.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from prefect import State, flow
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.runtime import flow_run
from prefect.states import Completed
from prefect.task_runners import ThreadPoolTaskRunner

from flows.delivery import delivered
from flows.prefect_api import prefect_api
from flows.progress import Progress
from flows.runner import artifact_key, failed, redact_logs, step, told_safely
from flows.scanning import TARGETS_AT_ONCE, Scanner, contained, set_limits
from flows.shards import Lost, ShardRuns
from wickie.aws import Clients
from wickie.config import Config, load_config
from wickie.deployment import Deployment
from wickie.errors import ConfigError, Error, NothingScannedError, RotationError, SourceError
from wickie.model import Finding, Gap, RotationOutcome, RotationState, ScanResult, Verdict
from wickie.report.bus import announce_leaks
from wickie.report.headline import headline, secret_name
from wickie.report.record import Report
from wickie.report.store import publish
from wickie.scan import ledger, part
from wickie.scan.eyes import Eyes
from wickie.scan.part import Part, joined
from wickie.scan.places import Opening, openings
from wickie.scan.shard import Shard, shards

_ROWS: Final = 200
"""Of the table in Prefect's UI; the report has them all."""
_CONTAINED: Final = (RotationState.ROTATED, RotationState.DEBOUNCED)
_GB: Final = 1e9

Summary = dict[str, Any]


@flow(
    name="nightly-scan",
    persist_result=False,
    task_runner=ThreadPoolTaskRunner(max_workers=TARGETS_AT_ONCE),  # type: ignore[arg-type]  # Prefect declares its own runner's parameter invariant
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
    step("set limits", lambda: set_limits(config))
    run_id = str(flow_run.id)
    scanner = step("open fingerprints", lambda: Scanner.open(clients, config, deployed, run_id))
    opened = step("find targets", lambda: tuple(openings(config.scan, clients, prefect_api)))
    seen = _seen(path, scanner, opened)
    scan = seen.scan
    judged = tuple(_judged(scan.findings, seen.rotations))
    findings = step(
        "record findings",
        lambda: ledger.record(clients.dynamodb, deployed.findings_table, judged, scan.finished),
    )
    scan = replace(scan, findings=findings)
    scan = _suppressed(scan, config, scanner.eyes)
    report = Report(config.stage, scan, seen.rotations)
    files = step("publish report", lambda: publish(clients.s3, deployed.results_bucket, report))
    step("announce", lambda: announce_leaks(clients, config.stage, report.findings))
    _show(report, files)
    return delivered(_concluded(report, scan, files), config, clients, report)


def _seen(path: Path, scanner: Scanner, opened: Sequence[Opening | Gap]) -> Part:
    """In this task, or where there is more to read than `scan.shard_gb` in several."""
    wanted = scanner.config.scan
    if wanted.shard_gb:
        size = step("estimate", lambda: scanner.estimate(opened))
        divided = shards(size, wanted.shard_gb * _GB, wanted.max_shards)
        if len(divided) > 1:
            seen = joined(_parts(path, scanner, divided))
            step("keep caches", lambda: scanner.keep(opened, divided))
            return seen
    return contained(scanner, opened, Progress("nightly-scan-progress", len(opened), "target"))


def _parts(path: Path, scanner: Scanner, divided: Sequence[Shard]) -> Iterator[Part]:
    """What every shard came to; one that is lost in the end is a gap."""
    progress = Progress("nightly-scan-progress", len(divided), "shard")
    s3, bucket = scanner.clients.s3, scanner.deployed.results_bucket
    for end in ShardRuns(path, scanner.config.stage, scanner.run_id).completed(divided):
        shard = end.shard if isinstance(end, Lost) else end
        named = f"shard {shard.index} of {shard.of}"
        try:
            if isinstance(end, Lost):
                raise SourceError(f"{end.why}; what is in it was not scanned")
            read = partial(part.load, s3, bucket, scanner.run_id, shard, scanner.eyes.key)
            with told_safely(named):
                seen = step(f"read {named}", read)
        except Error as error:
            seen = Part(scanner.unread(Gap(named, str(error))))
        progress.done()
        yield seen


def _judged(findings: Iterable[Finding], rotations: Iterable[RotationOutcome]) -> Iterator[Finding]:
    """Say of each managed finding what its response proved about the value."""
    # Of several tasks that answered a leak, one that saw the value refused has the last word.
    told = sorted(rotations, key=lambda r: r.old_credential is Verdict.DEAD)
    proven = {(secret_name(r.secret), r.from_version): r.old_credential for r in told}
    for finding in findings:
        leaked = finding.managed
        verdict = leaked and proven.get((secret_name(leaked.arn), leaked.version_id))
        yield replace(finding, verdict=verdict) if verdict else finding


def _suppressed(scan: ScanResult, config: Config, eyes: Eyes) -> ScanResult:
    """Mark what does not count. A baseline that cannot be read is told, and ends no scan."""
    notices = (*scan.notices, *config.unprinted(eyes.honeytokens))
    try:
        suppressions = config.suppressions(eyes.key)
    except ConfigError as error:
        readable = config.scan.model_copy(update={"baseline": None})
        suppressions = config.model_copy(update={"scan": readable}).suppressions(eyes.key)
        notices = (*notices, str(error))
    return suppressions.apply(replace(scan, notices=notices), scan.finished.date())


def _show(report: Report, files: Mapping[str, str]) -> None:
    """Put the headline and the findings where people look at the run; no plaintext is in either."""
    words = headline(report)
    notices = report.scan.notices if report.scan else ()
    links = "\n".join([*(f"- {told}" for told in notices), *(f"- `{f}`" for f in files.values())])
    create_markdown_artifact(
        key=artifact_key("nightly-scan"), markdown=f"# {words.text}\n\n{words.detail}\n\n{links}\n"
    )
    rows = [
        {
            "severity": finding.severity.value,
            "what": finding.title,
            "where": finding.location.uri,
            "line": finding.location.line,
            "verdict": finding.verdict.value,
        }
        for finding in report.counted[:_ROWS]
    ]
    if rows:
        create_table_artifact(key=artifact_key("nightly-scan-findings"), table=rows)


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
