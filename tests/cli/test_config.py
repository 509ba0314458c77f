"""`wickie config`: files are checked, and the schema that editors go by says what the code does."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from jsonschema import Draft202012Validator
from moto import mock_aws
from typer.testing import Result

from tests import motos
from wickie.cli.config import schema
from wickie.config.scan_role import ROLE
from wickie.config.schema import json_schema
from wickie.scan.sources import SOURCES, s3

Wickie = Callable[..., Result]
ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "wickie.schema.json"


def _mistakes(document: Any) -> list[str]:
    return [e.json_path for e in Draft202012Validator(json_schema()).iter_errors(document)]


def test_the_schema_beside_the_docs_is_what_the_configuration_says() -> None:
    assert PAGE.read_text() == schema(), "run wickie config schema > docs/wickie.schema.json"
    Draft202012Validator.check_schema(json_schema())


def test_the_example_points_editors_to_it_and_is_valid_by_it() -> None:
    text = (ROOT / "wickie.example.yaml").read_text()
    first, *_ = text.splitlines()
    head = "# yaml-language-server: $schema="
    assert first.startswith(head)
    assert (ROOT / first.removeprefix(head)).resolve() == PAGE
    assert _mistakes(yaml.safe_load(text)) == []
    dependents = (ROOT / "docs" / "dependents.md").read_text().split("```yaml\n")[1]
    assert _mistakes(yaml.safe_load(dependents.split("```")[0])) == []


@pytest.mark.parametrize(
    ("secret", "at"),
    [
        ({"strategy": "dual-key"}, "$.secrets[0].strategy"),
        ({"engine": "postgress"}, "$.secrets[0].engine"),
        ({"engine": "iam-access-key", "strategy": "dual-key"}, "$.secrets[0]"),
        ({"grace": "1 fortnight"}, "$.secrets[0].grace"),
        ({"grase": "1d"}, "$.secrets[0]"),
    ],
)
def test_an_editor_marks_a_mistake_where_it_stands(secret: dict[str, Any], at: str) -> None:
    usual = {"name": "a", "engine": "postgres", "strategy": "single-user"}
    assert at in _mistakes({"stage": "dev", "secrets": [usual | secret]})


def test_every_setting_explains_itself() -> None:
    document = json_schema()
    silent = [
        f"{name}.{key}"
        for name, section in {"": document, **document["$defs"]}.items()
        for key, value in section.get("properties", {}).items()
        if key != "kind" and not {"description", "$ref"} & value.keys()
    ]
    assert silent == []
    assert all("description" in section for section in document["$defs"].values())


def test_each_stage_s_file_is_checked_and_one_that_fails_does_not_hide_the_next(
    wickie: Wickie, folder: Path
) -> None:
    (folder / "dev.yaml").write_text("stage: dev\n")
    (folder / "bad.yaml").write_text("stage: bad\nsecrets: [{name: a}]\nresponse: {debounce: x}\n")
    (folder / "copy.yaml").write_text("stage: dev\n")
    done = wickie("config", "check", "bad.yaml", "dev.yaml", "copy.yaml")
    assert done.exit_code == 1
    assert done.stdout.splitlines() == ["dev.yaml is valid: stage dev, 0 secrets, 0 targets"]
    first, second = done.stderr.splitlines()
    assert "bad.yaml: secrets.0.engine: missing" in first
    assert "response.debounce: " in first
    assert "copy.yaml: stage: dev is dev.yaml's; give each file a stage of its own" in second


def test_a_database_that_may_be_out_of_reach_is_a_reminder_and_no_mistake(
    wickie: Wickie, configured: Callable[[str], Path]
) -> None:
    configured("stage: dev\nsecrets: [{name: shop/db, engine: mysql, strategy: single-user}]\n")
    done = wickie("config", "check")
    assert done.exit_code == 0
    assert "wickie: warning: wickie.yaml: network: functions outside a VPC rotate shop/db" in (
        done.stderr
    )


def _role(wickie: Wickie) -> dict[str, Any]:
    done = wickie("config", "scan-role")
    assert done.exit_code == 0, done.output
    role: dict[str, Any] = yaml.safe_load(done.stdout)["Resources"]["Role"]["Properties"]
    return role


def _allowed(role: dict[str, Any]) -> dict[str, Any]:
    (policy,) = role["Policies"]
    statements = policy["PolicyDocument"]["Statement"]
    return {a: s["Resource"] for s in statements if s["Effect"] == "Allow" for a in s["Action"]}


def test_the_role_of_another_account_may_read_what_the_targets_take_and_no_value(
    wickie: Wickie, configured: Callable[[str], Path]
) -> None:
    configured(
        """
stage: prod
scan:
  accounts: [{role: "arn:aws:iam::210987654321:role/wickie-scan"}]
  targets:
    - {kind: lambda-environment}
    - {kind: s3, bucket: ours}
    - {kind: s3, bucket: theirs, account: "210987654321"}
"""
    )
    role = _role(wickie)
    allowed = _allowed(role)
    assert allowed.keys() == {*SOURCES["lambda-environment"].permissions, *s3.PERMISSIONS}
    assert "ours" not in str(role)
    assert allowed["s3:GetObject"] == [
        {"Fn::Sub": "arn:${AWS::Partition}:s3:::theirs"},
        {"Fn::Sub": "arn:${AWS::Partition}:s3:::theirs/*"},
    ]
    denied = [
        s for s in role["Policies"][0]["PolicyDocument"]["Statement"] if s["Effect"] == "Deny"
    ]
    assert "secretsmanager:GetSecretValue" in denied[-1]["Action"]


def test_without_targets_it_may_read_every_kind_of_other_accounts_and_write_nothing(
    wickie: Wickie, configured: Callable[[str], Path]
) -> None:
    configured("stage: prod\n")
    role = _role(wickie)
    assert _allowed(role).keys() == {
        action for kind in SOURCES.values() if kind.reach != "once" for action in kind.permissions
    }
    assert "NoSecureStrings" in str(role)
    verbs = {re.sub(r"(?<=[a-z])[A-Z].*", "", a.partition(":")[2]) for a in _allowed(role)}
    assert verbs <= {"Get", "GET", "List", "Describe", "Batch", "Filter", "Query", "Evaluate"}


def test_its_template_makes_the_role_that_may_be_assumed(
    wickie: Wickie, configured: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By moto, which makes the role and its policy as the template says."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    configured("stage: prod\n")
    trusted = "arn:aws:iam::111122223333:role/flows"
    with motos.cloudformation(), mock_aws():
        boto3.client("cloudformation").create_stack(
            StackName="scan",
            TemplateBody=wickie("config", "scan-role").stdout,
            Parameters=[
                {"ParameterKey": "TrustedRole", "ParameterValue": trusted},
                {"ParameterKey": "ExternalId", "ParameterValue": "lighthouse"},
            ],
        )
        role = boto3.client("iam").get_role(RoleName=ROLE)["Role"]
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"AWS": trusted}
    assert statement["Condition"] == {"StringEquals": {"sts:ExternalId": "lighthouse"}}


@pytest.mark.slow
def test_cfn_lint_has_nothing_to_say_of_it(
    wickie: Wickie, configured: Callable[[str], Path], folder: Path
) -> None:
    configured("stage: prod\n")
    path = folder / "scan-role.yaml"
    path.write_text(wickie("config", "scan-role").stdout)
    lint = subprocess.run(
        [Path(sys.executable).with_name("cfn-lint"), "--", path],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (lint.stdout, lint.returncode) == ("", 0)
