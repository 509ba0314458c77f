"""A nightly scan in shards by a real Prefect server and worker; one of its containers is killed."""

from __future__ import annotations

import json
import secrets
import string
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from local.prefect import EcsWorker, PrefectServer
from local.server import LocalAws
from tests.deployed import hold_data
from tests.local.fargate import Fargate
from tests.local.test_prefect import POOL, QUEUE, Stage, _deploy
from tests.until import until
from wickie.deployment import parameter_name
from wickie.fingerprints import working_key
from wickie.model import to_jsonable
from wickie.report import Report
from wickie.scan import engine
from wickie.scan.detectors import open_detectors
from wickie.scan.sources.s3 import Bucket

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

OBJECTS = 12


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A stage with what scans need, wickie's own deployments, and a worker that serves them."""
    home = tmp_path_factory.mktemp("prefect")
    with ExitStack() as stack:
        aws = stack.enter_context(LocalAws())
        server = stack.enter_context(PrefectServer(aws.world.processes, home / "server"))
        stage = Stage(aws, Fargate(aws), server, home)
        _deploy(stage)
        _add_data(stage)
        server.wait()
        stage.run("python", "-m", "flows.work_pool", "--stage", "test")
        stage.run("prefect", "--no-prompt", "deploy", "--all")
        worker = EcsWorker(
            aws.world.processes,
            server,
            home / "worker",
            pool=POOL,
            queue=QUEUE,
            aws=aws.environment(),
        )
        stack.enter_context(worker)
        worker.wait()
        yield stage


def _add_data(stage: Stage) -> None:
    client = stage.aws.world.client
    for field, value in hold_data(client).items():
        name = parameter_name("test", field)
        client("ssm").put_parameter(Name=name, Value=value, Type="String", Overwrite=True)
    client("s3").create_bucket(Bucket="logs")
    for number in range(OBJECTS):
        token = "".join(secrets.choice(string.ascii_letters) for _ in range(36))
        text = f"token=ghp_{token}\n" if number % 3 == 0 else "nothing\n"
        client("s3").put_object(Bucket="logs", Key=f"{number}.log", Body=text.ljust(1000).encode())


def configured(folder: Path, **scan: Any) -> str:
    """The path of a wickie.yaml that has the bucket scanned."""
    path = folder / "wickie.yaml"
    targets = [{"kind": "s3", "bucket": "logs"}]
    path.write_text(json.dumps({"stage": "test", "scan": {"targets": targets, **scan}}))
    return str(path)


def report_of(stage: Stage, run: str) -> Any:
    ended = stage.ended(run, 300)
    assert ended["state_type"] == "COMPLETED", ended["state"]
    s3 = stage.aws.world.client("s3")
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket="results")["Contents"]]
    [key] = [key for key in keys if key.endswith(f"run={run}/report.json")]
    return json.loads(s3.get_object(Bucket="results", Key=key)["Body"].read())["scan"]


def in_one_piece(stage: Stage) -> list[Any]:
    """The findings as a report has them, of the same bucket read by nobody else, here."""
    client = stage.aws.world.client
    name = parameter_name("test", "fingerprint_key")
    key = working_key(client("kms"), client("ssm").get_parameter(Name=name)["Parameter"]["Value"])
    scan = engine.scan([Bucket(client("s3"), "logs")], open_detectors(key, ()), run_id="here")
    found: list[Any] = to_jsonable(Report("test", scan).findings)
    return found


def shard_runs(stage: Stage) -> list[Any]:
    asked = {"flows": {"name": {"any_": ["scan-shard"]}}, "sort": "EXPECTED_START_TIME_ASC"}
    runs: list[Any] = stage.ask("/flow_runs/filter", asked)
    return runs


def test_a_killed_shard_is_run_again_and_the_report_is_that_of_a_scan_in_one_piece(
    stage: Stage, tmp_path: Path
) -> None:
    sharded = configured(tmp_path, shard_gb=OBJECTS * 600 / 1e9)
    parent = stage.start("nightly-scan/test", config=sharded)
    first = until(lambda: shard_runs(stage), 240)[0]["id"]
    until(lambda: stage.ask(f"/flow_runs/{first}")["state_type"] == "RUNNING")
    task = stage.task_of(first)
    stage.aws.world.processes.kill("LOCAL_ECS_TASK", task.rsplit("/", 1)[-1])

    divided = report_of(stage, parent)
    ends = sorted(run["state_type"] for run in shard_runs(stage))
    assert ends == ["COMPLETED", "COMPLETED", "CRASHED"]
    times = {"first_seen": None, "last_seen": None}
    written = json.dumps([finding | times for finding in divided["findings"]])
    assert written == json.dumps(in_one_piece(stage))
    assert len(divided["findings"]) == OBJECTS // 3
    assert (divided["artifacts"], divided["gaps"]) == (OBJECTS, [])
