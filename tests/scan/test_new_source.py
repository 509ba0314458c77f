"""docs/sources.md is enough to write a source by: its own listings are put to the test."""

from __future__ import annotations

import re
import types
from pathlib import Path

import boto3
from moto import mock_aws

from tests.scan.paper import drawn, managed
from tests.scan.recorded import Recorded
from wickie.scan import engine
from wickie.scan.sources import SOURCES, open_source
from wickie.scan.sources.kind import listing

PAGE = Path(__file__).parents[2] / "docs" / "sources.md"
MODULE, LINE = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
KIND = "codepipeline-pipeline"


def test_the_source_is_no_longer_than_the_page_promises():
    assert len(MODULE.splitlines()) <= 60


@mock_aws
def test_a_source_written_by_the_page_finds_what_lies_there(monkeypatch):
    module = types.ModuleType("codepipeline")
    exec(MODULE, vars(module))  # noqa: S102  (our own page)
    names = {"codepipeline": module, "listing": listing}
    monkeypatch.setitem(SOURCES, KIND, eval(f"{{{LINE}}}", names)[KIND])  # noqa: S307
    value, aws = drawn(), Recorded()
    a_pipeline("shop", value)
    a_pipeline("other", "nothing")
    result = engine.scan([open_source(KIND, {}, aws.clients)], [managed(value)], run_id="r")
    (finding,) = result.findings
    assert finding.location.uri == f"{KIND}:us-east-1/shop#Build/Run/EnvironmentVariables"
    assert aws.actions == {*module.PERMISSIONS}


def a_pipeline(name: str, text: str) -> None:
    trusted = '{"Statement": [{"Principal": {"Service": "codepipeline.amazonaws.com"}}]}'
    iam = boto3.client("iam")
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trusted)["Role"]["Arn"]
    kind = {"category": "Build", "owner": "AWS", "provider": "CodeBuild", "version": "1"}
    build = {
        "name": "Run",
        "actionTypeId": kind,
        "configuration": {"EnvironmentVariables": text},
    }
    fetch = {"name": "Get", "actionTypeId": kind | {"category": "Source", "provider": "S3"}}
    boto3.client("codepipeline").create_pipeline(
        pipeline={
            "name": name,
            "roleArn": role,
            "artifactStore": {"type": "S3", "location": "bucket"},
            "stages": [
                {"name": "Source", "actions": [fetch]},
                {"name": "Build", "actions": [build]},
            ],
        }
    )
