"""`wickie config`: files are checked, and the schema that editors go by says what the code does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from typer.testing import Result

from wickie.cli.config import schema
from wickie.config.schema import json_schema

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
        for key, value in section["properties"].items()
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
