"""`wickie rollback`: what a report calls for, done and undone; the function is moto's."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws
from typer.testing import Result

from tests.response.function import Function
from tests.vulnerabilities.paper import finding
from wickie.model import Severity, to_jsonable
from wickie.vulnerabilities.finding import Suppression

Wickie = Callable[..., Result]
TARGET = {"kind": "lambda-alias", "function": "shop", "alias": "live"}


@pytest.fixture
def function(monkeypatch: pytest.MonkeyPatch) -> Iterator[Function]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        yield Function()


@pytest.fixture
def reported(configured: Callable[[str], Path], folder: Path) -> Callable[..., None]:
    """A wickie.yaml with the alias under rollback, and a report with a finding in these builds."""

    def write(*builds: str, **differing: Any) -> None:
        section = {"rollback": [{"target": TARGET}]}
        configured(json.dumps({"stage": "dev", "vulnerabilities": section}))
        found = finding(severity=Severity.CRITICAL, builds=builds, **differing)
        report = {"scan": {"findings": [to_jsonable(found)]}}
        (folder / "report.json").write_text(json.dumps(report))

    return write


def test_a_plan_is_shown_then_carried_out_and_undone_by_its_file(
    wickie: Wickie, reported: Callable[..., None], function: Function, folder: Path
) -> None:
    reported(function.builds[2])
    done = wickie("rollback", "plan", "report.json")
    assert done.exit_code == 0, done.output
    for word in ("planned", "from version 3 to 1", "jinja2 3.1.2 has CVE-2024-22195"):
        assert word in " ".join(done.stdout.split())
    assert (
        wickie("rollback", "plan", "report.json", "-f", "json", "-o", "plans.json").exit_code == 0
    )
    assert function.alias["FunctionVersion"] == "3"

    assert wickie("rollback", "apply", "plans.json").exit_code == 0
    assert function.alias["FunctionVersion"] == "1"
    assert "nothing to roll back" in wickie("rollback", "plan", "report.json").stdout
    assert wickie("rollback", "undo", "plans.json").exit_code == 0
    assert function.alias["FunctionVersion"] == "3"
    (plan,) = json.loads((folder / "plans.json").read_text())["rollbacks"]
    assert plan["state"] == "PLANNED"


def test_what_was_changed_since_is_left_alone_and_the_exit_code_says_so(
    wickie: Wickie, reported: Callable[..., None], function: Function
) -> None:
    reported(function.builds[2])
    wickie("rollback", "plan", "report.json", "-f", "json", "-o", "plans.json")
    function.lambda_.update_alias(FunctionName="shop", Name="live", FunctionVersion="2")
    done = wickie("rollback", "apply", "plans.json", "-f", "json")
    assert done.exit_code == 1
    (outcome,) = json.loads(done.stdout)["rollbacks"]
    assert outcome["state"] == "NOT_POSSIBLE"
    assert function.alias["FunctionVersion"] == "2"


def test_what_nothing_precedes_is_told_with_1(
    wickie: Wickie, reported: Callable[..., None], function: Function
) -> None:
    reported(*function.builds)
    done = wickie("rollback", "plan", "report.json")
    assert done.exit_code == 1
    assert "no earlier version is without it" in " ".join(done.stdout.split())


def test_a_suppressed_finding_rolls_nothing_back(
    wickie: Wickie, reported: Callable[..., None], function: Function
) -> None:
    reported(function.builds[2], suppressed_by=Suppression("wickie.yaml", "unreachable"))
    done = wickie("rollback", "plan", "report.json")
    assert (done.exit_code, done.stdout.strip()) == (0, "nothing to roll back")


@pytest.mark.parametrize("command", ["plan", "apply", "undo"])
def test_a_file_that_is_neither_report_nor_plans_is_told(
    wickie: Wickie, reported: Callable[..., None], folder: Path, command: str
) -> None:
    reported()
    (folder / "other.json").write_text("[]")
    done = wickie("rollback", command, "other.json")
    assert done.exit_code == 1
    assert "other.json" in done.stderr
    assert "wickie" in done.stderr
