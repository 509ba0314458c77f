"""A nightly scan in shards: what they find, what becomes of lost ones, what is said of them."""

from __future__ import annotations

import json
import secrets
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.exceptions import ObjectNotFound
from prefect.states import Completed, Crashed

from flows.nightly_scan import nightly_scan
from flows.scan_shard import scan_shard
from tests.rotation.paper import ARN, Secret
from wickie.credentials import Sensitive
from wickie.fingerprints import FingerprintTable, working_key
from wickie.model import Stage
from wickie.scan import engine
from wickie.scan.cache import PREFIX as CACHE

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("prefect", "shop")]

FILES, SIZE = 24, 1000


class Pool:
    """Runs the shards that are started, in this process, and loses those it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.started: list[int] = []
        self.lost: Callable[[int, int], bool] = lambda _shard, _attempt: False
        self.registered = True
        self._states: dict[uuid.UUID, Any] = {}
        monkeypatch.setattr("flows.shards.run_deployment", self._run)
        monkeypatch.setattr("flows.shards.ShardRuns._ended", self._ended)
        monkeypatch.setattr("flows.shards._POLL", 0.01)

    def _run(self, name: str, parameters: dict[str, Any], **_: Any) -> Any:
        if not self.registered:
            raise ObjectNotFound(Exception())
        assert name == "scan-shard/test"
        index, id_ = parameters["index"], uuid.uuid4()
        self.started.append(index)
        if self.lost(index, self.started.count(index)):
            self._states[id_] = Crashed(message="infrastructure exited with code 137")
        else:
            parameters = json.loads(json.dumps(parameters))
            state = scan_shard(**parameters, return_state=True)
            assert state.is_completed(), state.message
            self._states[id_] = Completed()
        return SimpleNamespace(id=id_)

    def _ended(self, attempt: Any) -> str:
        state = self._states[attempt.run]
        return "" if state.is_completed() else f"{state.type.value}: {state.message}"


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch, secret: Secret) -> Pool:
    monkeypatch.setattr("flows.scan_shard.Clients", lambda: secret)
    return Pool(monkeypatch)


class Stand:
    """A folder with a leak in it, and reports of scans of it."""

    def __init__(self, aws: SimpleNamespace, config: Path, folder: Path) -> None:
        self.aws, self.config, self.folder = aws, config, folder
        self.value = secrets.token_urlsafe(32)
        key_id = aws.ssm.get_parameter(Name="/wickie/test/fingerprint-key")["Parameter"]["Value"]
        table = FingerprintTable(aws.dynamodb, "fingerprint_table")
        key = working_key(aws.kms, key_id)
        table.publish(ARN, "v1", Stage.CURRENT, Sensitive(self.value), key)
        folder.mkdir()
        for number in range(FILES):
            text = f"password={self.value}" if number % 8 == 0 else "nothing"
            (folder / f"{number}.log").write_text(f"{text}\n".ljust(SIZE))

    def scan(self, *targets: Any, rotate: bool = True, **scan: Any) -> Any:
        """Run the flow; returns its state and its report."""
        document = json.loads(self.config.read_text())
        usual = {"kind": "directory", "path": str(self.folder)}
        document["scan"] = {"targets": targets or [usual], **scan}
        document["response"]["rotate_on_leak"] = rotate
        self.config.write_text(json.dumps(document))
        state = nightly_scan(self.config, return_state=True)
        run = state.state_details.flow_run_id
        listed = self.aws.s3.list_objects_v2(Bucket="results").get("Contents", [])
        keys = [e["Key"] for e in listed if e["Key"].endswith(f"run={run}/report.json")]
        bodies = [self.aws.s3.get_object(Bucket="results", Key=key)["Body"] for key in keys]
        return state, json.loads(bodies[0].read()) if bodies else None

    def forget(self) -> None:
        """Throw away what is known of earlier scans."""
        for each in self.aws.s3.list_objects_v2(Bucket="results", Prefix=CACHE)["Contents"]:
            self.aws.s3.delete_object(Bucket="results", Key=each["Key"])


@pytest.fixture
def stand(stage: SimpleNamespace, config: Path, tmp_path: Path) -> Stand:
    return Stand(stage, config, tmp_path / "logs")


def found(report: Any) -> str:
    """The findings as they are written, without the times at which they were seen."""
    times = {"first_seen": None, "last_seen": None}
    return json.dumps([finding | times for finding in report["scan"]["findings"]])


HALF = FILES * SIZE / 2e9


def test_shards_report_what_one_task_does_also_if_one_of_them_is_lost_on_the_way(
    stand: Stand, pool: Pool
) -> None:
    _, whole = stand.scan(rotate=False)
    stand.forget()
    pool.lost = lambda shard, attempt: shard == 1 and attempt == 1
    state, divided = stand.scan(rotate=False, shard_gb=HALF)
    assert state.is_completed(), state.message
    assert sorted(pool.started) == [0, 1, 1]
    assert found(divided) == found(whole)
    assert len(divided["scan"]["findings"]) == 3
    assert divided["scan"]["gaps"] == []
    for counted in ("artifacts", "bytes_scanned"):
        assert divided["scan"][counted] == whole["scan"][counted]


def test_what_shards_have_read_is_known_tomorrow_to_one_task(stand: Stand, pool: Pool) -> None:
    stand.scan(rotate=False, shard_gb=HALF)
    state, report = stand.scan(rotate=False, shard_gb=HALF)
    assert state.is_completed(), state.message
    assert len(pool.started) == 2, "there is nothing left to read, so one task does"
    assert report["scan"]["unchanged"] == FILES
    assert len(report["scan"]["findings"]) == 3


def test_a_shard_that_is_lost_again_and_again_is_a_gap_and_the_others_count(
    stand: Stand, pool: Pool
) -> None:
    pool.lost = lambda shard, _: shard == 0
    state, report = stand.scan(rotate=False, shard_gb=HALF)
    assert state.is_completed(), state.message
    assert pool.started.count(0) == 3
    (gap,) = report["scan"]["gaps"]
    assert gap["uri"] == "shard 0 of 2"
    assert "lost 3 times" in gap["reason"]
    assert "code 137" in gap["reason"]
    assert 0 < report["scan"]["artifacts"] < FILES


@pytest.mark.usefixtures("pool")
def test_a_leak_is_contained_by_the_shards_and_reported_once(stand: Stand, secret: Secret) -> None:
    state, report = stand.scan(shard_gb=HALF)
    assert state.is_completed(), state.message
    assert len(secret.rotations) == 1
    assert "v1" not in secret.live
    rotated = [r for r in report["rotations"] if r["state"] == "ROTATED"]
    assert rotated[0]["timeline"][0]["step"] == "leak seen"
    assert {f["verdict"] for f in report["scan"]["findings"]} == {"DEAD"}


@pytest.mark.usefixtures("pool")
def test_no_value_is_in_what_shards_leave_in_the_bucket(stand: Stand) -> None:
    stand.scan(rotate=False, shard_gb=HALF)
    listed = stand.aws.s3.list_objects_v2(Bucket="results", Prefix="cache/")["Contents"]
    for each in listed:
        body = stand.aws.s3.get_object(Bucket="results", Key=each["Key"])["Body"].read()
        assert stand.value.encode() not in body


def test_shards_without_their_deployment_are_a_mistake_that_is_told_with_its_remedy(
    stand: Stand, pool: Pool
) -> None:
    pool.registered = False
    state, _ = stand.scan(shard_gb=HALF)
    assert state.is_failed()
    assert "run prefect deploy --all" in state.message


def test_limits_are_made_in_prefect_and_kept_to(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once, most, real = 0, 0, engine.scan
    lock = threading.Lock()

    def counted(*given: Any, **more: Any) -> Any:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        time.sleep(0.5)
        try:
            return real(*given, **more)
        finally:
            with lock:
                at_once -= 1

    monkeypatch.setattr(engine, "scan", counted)
    monkeypatch.setattr(Secret, "service", lambda _, name: getattr(stand.aws, name), raising=False)
    stand.aws.s3.put_object(Bucket="results", Key="in/log", Body=b"nothing")
    targets = [{"kind": "s3", "bucket": "results", "prefix": p} for p in ("in/", "in/l", "in/lo")]
    state, report = stand.scan(*targets, rotate=False, at_once={"s3": 1, "lambda": 7})
    assert state.is_completed(), state.message
    assert (report["scan"]["artifacts"], report["scan"]["gaps"]) == (3, [])
    assert most == 1
    with get_client(sync_client=True) as client:
        assert client.read_global_concurrency_limit_by_name("wickie-test-lambda").limit == 7


def test_a_limit_on_what_is_not_asked_is_a_mistake(stand: Stand) -> None:
    state, _ = stand.scan(at_once={"moon": 1})
    assert state.is_failed()
    assert "nothing is read by moon; use " in state.message


def test_a_run_has_one_progress_artifact_that_ends_at_a_hundred_percent(stand: Stand) -> None:
    state, _ = stand.scan(rotate=False)
    key = ArtifactFilter(key=ArtifactFilterKey(any_=["nightly-scan-progress"]))
    with get_client(sync_client=True) as client:
        shown = client.read_artifacts(artifact_filter=key)
    run = state.state_details.flow_run_id
    (progress,) = [artifact for artifact in shown if artifact.flow_run_id == run]
    assert progress.data == 100
    assert progress.description.startswith("1 of 1 target: ")
