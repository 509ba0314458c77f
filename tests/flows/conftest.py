"""A Prefect server for the flows' tests, and moto holding what a deployed stage holds."""

from __future__ import annotations

import functools
import json
import logging
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto import mock_aws

from local.prefect import copy_migrated_database
from local.processes import Processes
from tests import deployed
from tests.flows.registering import POOL, ROOT, manifest
from tests.rotation.paper import ARN, Secret, Shop
from wickie.asking import Patience
from wickie.credentials import Sensitive
from wickie.fingerprints import FingerprintTable, working_key
from wickie.model import Stage
from wickie.prefect import PrefectServer
from wickie.registration.manifest import Manifest
from wickie.registration.removal import unregister

STAGE = "test"


@pytest.fixture(scope="session")
def prefect(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A server and database of this session's own, without the second each flow's end costs."""
    from prefect.settings import (  # noqa: PLC0415  (only flow tests pay for Prefect)
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
        temporary_settings,
    )
    from prefect.testing import utilities  # noqa: PLC0415

    home = tmp_path_factory.mktemp("prefect")
    with Processes() as processes:
        copy_migrated_database(processes, home / "prefect-test.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(utilities, "mkdtemp", lambda: str(home))
        harness = utilities.prefect_test_harness(server_startup_timeout=120)
        quiet = {PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}
        with harness, temporary_settings(quiet):
            yield
            # It would write its farewell to the standard output of a test that is long over.
            logging.getLogger("prefect").handlers.clear()


def recorded_tasks(state: Any) -> dict[str, str]:
    """How each task of the flow run that ended in `state` stands, as the server knows it."""
    from prefect.client.orchestration import get_client  # noqa: PLC0415  (likewise)
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId  # noqa: PLC0415

    run = FlowRunFilter(id=FlowRunFilterId(any_=[state.state_details.flow_run_id]))
    with get_client(sync_client=True) as client:
        tasks = client.read_task_runs(flow_run_filter=run)
    return {task.name: task.state_type.value for task in tasks}


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """A deployed stage `test`, and clients to look at it; tables are named as their fields."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        aws = SimpleNamespace(
            **{name: boto3.client(name, "us-east-1") for name in ("dynamodb", "kms", "s3", "ssm")}
        )
        deployed.stage(lambda name: getattr(aws, name), STAGE)
        yield aws


@pytest.fixture
def secret(stage: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> Secret:
    """The secret shop/db, in place of every client the flows make."""
    secret = Secret()
    client = functools.cache(lambda name: boto3.client(name, "us-east-1"))
    vars(secret).update(vars(stage), service=client)
    monkeypatch.setattr("flows.rotate.Clients", lambda: secret)
    monkeypatch.setattr("flows.nightly_scan.Clients", lambda: secret)
    return secret


@pytest.fixture
def shop(secret: Secret, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """The one dependent that the configuration names."""
    shop = Shop(secret)
    monkeypatch.setattr("flows.rotate.open_dependent", lambda *_: shop)
    return shop


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A wickie.yaml for that stage, with one secret and nothing to scan."""
    path = tmp_path / "wickie.yaml"
    document = {
        "stage": STAGE,
        "secrets": [
            {
                "name": "shop/db",
                "engine": "postgres",
                "strategy": "alternating-users",
                "dependents": [{"kind": "ecs-service", "cluster": "main", "service": "shop"}],
            }
        ],
        "response": {"debounce": "10m", "max_rotations_per_hour": 2},
    }
    path.write_text(json.dumps(document))  # JSON is YAML too
    return path


@dataclass
class Stand:
    """What a test of the scan has to hand."""

    aws: SimpleNamespace
    config: Path
    folder: Path
    values: dict[str, str]

    def scan(self, *targets: Path, scan: Mapping[str, Any] = {}, **response: Any) -> Any:
        """Run the flow over `targets`; returns its final state."""
        document = json.loads(self.config.read_text())
        listed = [{"kind": "directory", "path": str(t)} for t in targets]
        document["scan"] = {"targets": listed, **scan}
        document["response"] |= response
        self.config.write_text(json.dumps(document))
        from flows.nightly_scan import nightly_scan  # noqa: PLC0415  (only flow tests pay for Prefect)

        return nightly_scan(self.config, return_state=True)

    def plant(self, name: str, text: str) -> Path:
        """Write `text` into a folder of its own, fit to be a target."""
        target = self.folder / name
        target.mkdir()
        (target / "app.log").write_text(f"level=info msg=started\n{text}\n")
        return target

    def report(self) -> Any:
        """The last report.json in the results bucket."""
        listed = self.aws.s3.list_objects_v2(Bucket="results")["Contents"]
        reports = [each for each in listed if each["Key"].endswith("report.json")]
        key = max(reports, key=lambda each: each["LastModified"])["Key"]
        return json.loads(self.aws.s3.get_object(Bucket="results", Key=key)["Body"].read())


@pytest.fixture
def stand(stage: SimpleNamespace, config: Path, tmp_path: Path) -> Stand:
    """Values of the secret's versions, known to the scanner by their fingerprints."""
    values = {version: secrets.token_urlsafe(32) for version in ("v0", "v1", "ancient")}
    stages = {"v0": Stage.PREVIOUS, "v1": Stage.CURRENT, "ancient": Stage.RETIRED}
    key_id = stage.ssm.get_parameter(Name="/wickie/test/fingerprint-key")["Parameter"]["Value"]
    key = working_key(stage.kms, key_id)
    table = FingerprintTable(stage.dynamodb, "fingerprint_table")
    for version, value in values.items():
        table.publish(ARN, version, stages[version], Sensitive(value), key)
    return Stand(stage, config, tmp_path, values)


@pytest.fixture(scope="session")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Our prefect.yaml with as many deployments as matter: each takes a server a while."""
    head, *deployments = (ROOT / "prefect.yaml").read_text().split("\n  - name: ")
    kept = [d for d in deployments if "nightly_scan.py" in d or "upkeep.py" in d]
    path = tmp_path_factory.mktemp("few") / "prefect.yaml"
    path.write_text("\n  - name: ".join([head, *kept]))
    return path


@pytest.fixture
def server() -> PrefectServer:
    from prefect.settings import get_current_settings  # noqa: PLC0415

    return PrefectServer(str(get_current_settings().api.url), patience=Patience(60), seconds=30)


@pytest.fixture
def ours(server: PrefectServer, few: Path) -> Iterator[Manifest]:
    """A stage's manifest, of which nothing is left at the server afterwards."""
    declared = manifest("x", few)
    yield declared
    unregister(server, declared, POOL)
