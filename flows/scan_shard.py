"""
The `scan-shard` flow: one of the tasks of a nightly scan that is too much for one.

It contains what it finds, at once and alone. What it came to it leaves in the results bucket for
the run that started it, which reports.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from prefect import State, flow
from prefect.states import Completed
from prefect.task_runners import ThreadPoolTaskRunner
from pydantic import Field

from flows.prefect_api import prefect_api
from flows.progress import Progress
from flows.runner import failed, redact_logs, step, told_safely
from flows.scanning import TARGETS_AT_ONCE, Scanner, contained
from wickie.aws import Clients
from wickie.config import load_config
from wickie.deployment import Deployment
from wickie.errors import Error
from wickie.report.headline import count
from wickie.scan import part
from wickie.scan.places import openings
from wickie.scan.shard import Shard


@flow(
    name="scan-shard",
    flow_run_name="shard {index} of {of}",
    persist_result=False,
    task_runner=ThreadPoolTaskRunner(max_workers=TARGETS_AT_ONCE),  # type: ignore[arg-type]  # as in nightly_scan
)
def scan_shard(
    run: str,
    index: Annotated[int, Field(ge=0)],
    of: Annotated[int, Field(ge=1)],
    config: Path = Path("wickie.yaml"),
) -> State[None]:
    """
    Scan one shard of the configured targets.

    Args:
        run: Id of the flow run that wants it.
        index: Which shard, from 0.
        of: How many there are.
        config: The wickie.yaml that names targets, secrets and limits.
    """
    redact_logs()
    try:
        with told_safely(f"shard {index} of {of}"):
            return _scan_shard(config, run, Shard(index, of))
    except Error as error:
        return failed(error)


def _scan_shard(path: Path, run: str, shard: Shard) -> State[None]:
    clients, config = Clients(), load_config(path)
    deployed = Deployment.load(clients.ssm, config.stage)
    scanner = step("open fingerprints", lambda: Scanner.open(clients, config, deployed, run, shard))
    opened = step("find targets", lambda: tuple(openings(config.scan, clients, prefect_api)))
    seen = contained(scanner, opened, Progress("scan-shard", len(opened), "target"))
    bucket = deployed.results_bucket
    step("hand over", lambda: part.save(clients.s3, bucket, shard, seen, scanner.eyes.key))
    words = f"{count(len(seen.scan.findings), 'finding')}, {count(len(seen.scan.gaps), 'gap')}"
    return Completed(message=words)
