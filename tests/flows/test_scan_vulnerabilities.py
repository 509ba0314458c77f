"""The `scan-vulnerabilities` flow: real Prefect, real Trivy with the tests' advisories, moto."""

from __future__ import annotations

import json
import zipfile
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest

from flows.scan_vulnerabilities import scan_vulnerabilities
from tests.vulnerabilities.databases import JINJA, WERKZEUG, trivy_database
from tests.vulnerabilities.present import trivy_path
from wickie.aws import Clients

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("prefect", "stage")]


@pytest.fixture(autouse=True)
def _clients(stage: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001  (moto must be on)
    clients = Clients(boto3.Session(region_name="us-east-1"))
    monkeypatch.setattr("flows.scan_vulnerabilities.Clients", lambda: clients)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return trivy_database(tmp_path / "cache")


def run(
    tmp_path: Path,
    database: Path,
    *targets: Any,
    stage: str = "test",
    dry_run: bool = False,
    **differing: Any,
) -> Any:
    """Run the flow; returns its final state."""
    trivy = trivy_path()
    scanner = {"engine": "trivy", "program": trivy, "database": {"directory": str(database)}}
    section = {"targets": targets, "scanners": [scanner], **differing}
    config = tmp_path / "wickie.yaml"
    config.write_text(json.dumps({"stage": stage, "vulnerabilities": section}))
    return scan_vulnerabilities(config, dry_run=dry_run, return_state=True)


def project(tmp_path: Path, *pins: str) -> dict[str, str]:
    folder = tmp_path / "-".join(pins)
    folder.mkdir()
    (folder / "requirements.txt").write_text("\n".join(pins))
    return {"kind": "directory", "path": str(folder)}


def published(stage: SimpleNamespace, name: str) -> list[Any]:
    listed = stage.s3.list_objects_v2(Bucket="results")["Contents"]
    keys = [each["Key"] for each in listed if each["Key"].endswith(name)]
    bodies = (stage.s3.get_object(Bucket="results", Key=key)["Body"].read() for key in keys)
    return [json.loads(line) for body in bodies for line in body.decode().splitlines() if line]


def test_findings_of_all_targets_are_published_with_who_saw_them_since_when(
    stage: SimpleNamespace, tmp_path: Path, database: Path
) -> None:
    targets = project(tmp_path, "jinja2==3.1.2"), project(tmp_path, "werkzeug==0.15.2")
    state = run(tmp_path, database, *targets)
    assert state.is_completed(), state.message
    assert "2 vulnerabilities" in state.message
    first = {each["advisory"]: each for each in published(stage, ".jsonl")}
    assert first.keys() == {JINJA, WERKZEUG}
    assert first[JINJA]["seen_by"] == ["trivy"]
    assert first[JINJA]["fixed"] == ["3.1.3"]
    boms = [key for key in published(stage, ".cdx.json") if key["bomFormat"] == "CycloneDX"]
    assert len(boms) == 2

    assert run(tmp_path, database, *targets).is_completed()
    again = [e for e in published(stage, ".jsonl") if e["run_id"] != first[JINJA]["run_id"]]
    assert {e["first_seen"] for e in again} == {first[JINJA]["first_seen"]}
    assert all(each["last_seen"] > each["first_seen"] for each in again)


def test_a_target_that_cannot_be_scanned_is_a_gap_and_the_others_are_scanned(
    tmp_path: Path, database: Path
) -> None:
    missing = {"kind": "lambda-zip", "path": str(tmp_path / "none.zip")}
    state = run(tmp_path, database, missing, project(tmp_path, "jinja2==3.1.2"))
    assert state.is_completed(), state.message
    assert state.result()["gaps"] == 1
    assert "1 vulnerability" in state.message
    assert "1 gap" in state.message


def test_a_scan_that_could_read_nothing_fails(tmp_path: Path, database: Path) -> None:
    state = run(tmp_path, database, {"kind": "sbom", "path": str(tmp_path / "none.cdx.json")})
    assert state.is_failed()
    assert "nothing could be scanned" in state.message


def test_an_old_database_fails_the_run_before_it_scans(
    stage: SimpleNamespace, tmp_path: Path
) -> None:
    old = trivy_database(tmp_path / "old", timedelta(days=30))
    state = run(tmp_path, old, project(tmp_path, "jinja2==3.1.2"))
    assert state.is_failed()
    assert "30 days old" in state.message
    assert "Contents" not in stage.s3.list_objects_v2(Bucket="results")


def test_targets_without_a_scanner_are_a_mistake_of_the_configuration(
    tmp_path: Path, database: Path
) -> None:
    state = run(tmp_path, database, project(tmp_path, "jinja2==3.1.2"), scanners=[])
    assert state.is_failed()
    assert "nobody scans these targets; add scanners" in state.message


@pytest.fixture
def live(stage: SimpleNamespace, tmp_path: Path) -> Any:  # noqa: ARG001  (moto must be on)
    """An alias at a version with a vulnerable package, and a sound version before it."""
    role = boto3.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument="{}")
    client = boto3.client("lambda", "us-east-1")
    package = tmp_path / "function.zip"
    for version, werkzeug in enumerate(("3.1.0", "0.15.2"), 1):
        metadata = f"Metadata-Version: 2.1\nName: werkzeug\nVersion: {werkzeug}\n"
        with zipfile.ZipFile(package, "w") as archive:
            archive.writestr(f"werkzeug-{werkzeug}.dist-info/METADATA", metadata)
        code = package.read_bytes()
        if version == 1:
            client.create_function(
                FunctionName="shop",
                Runtime="python3.13",
                Handler="a.b",
                Role=role["Role"]["Arn"],
                Code={"ZipFile": code},
            )
        else:
            client.update_function_code(FunctionName="shop", ZipFile=code)
        client.publish_version(FunctionName="shop")
    client.create_alias(FunctionName="shop", Name="live", FunctionVersion="2")
    alias = lambda: client.get_alias(FunctionName="shop", Name="live")["FunctionVersion"]  # noqa: E731
    target = {"kind": "lambda-alias", "function": "shop", "alias": "live"}
    scanned = {"kind": "lambda-zip", "path": str(package)}
    return SimpleNamespace(target=target, scanned=scanned, version=alias)


def test_what_the_scan_finds_in_service_is_rolled_back_and_reported(
    stage: SimpleNamespace, tmp_path: Path, database: Path, live: Any
) -> None:
    policy = {"target": live.target, "severity": "HIGH", "approval": "none"}
    state = run(tmp_path, database, live.scanned, rollback=[policy], dry_run=True)
    assert state.is_completed(), state.message
    assert [each["state"] for each in state.result()["rollbacks"]] == ["PLANNED"]
    assert live.version() == "2"
    state = run(tmp_path, database, live.scanned, rollback=[policy])
    assert state.is_completed(), state.message
    assert live.version() == "1"
    (outcome,) = state.result()["rollbacks"]
    assert outcome["state"] == "DONE"
    assert "werkzeug 0.15.2 has" in outcome["plan"]["reason"]
    key = state.result()["report"]["report.html"].removeprefix("s3://results/")
    page = stage.s3.get_object(Bucket="results", Key=key)["Body"].read().decode()
    assert "from version 2 to 1" in page


def test_where_nobody_can_be_asked_nothing_is_rolled_back_and_the_run_fails(
    stage: SimpleNamespace, tmp_path: Path, database: Path, live: Any
) -> None:
    # Others' tests may have registered the one of stage `test` with this session's server.
    for each in stage.ssm.get_parameters_by_path(Path="/wickie/test")["Parameters"]:
        name = each["Name"].replace("/test/", "/unregistered/")
        stage.ssm.put_parameter(Name=name, Value=each["Value"], Type="String")
    policy = {"target": live.target, "severity": "HIGH"}
    state = run(tmp_path, database, live.scanned, stage="unregistered", rollback=[policy])
    assert state.is_failed()
    assert "no deployment rollback/unregistered; run prefect deploy --all" in state.message
    assert live.version() == "2"
