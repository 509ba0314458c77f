"""JSON lines in S3, and the tables that Athena reads them by."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from datetime import date
from typing import Any

import pytest

from tests.report.conftest import ARN, NOON
from tests.report.test_store import Bucket
from tests.vulnerabilities.paper import finding
from wickie.model import Suppression
from wickie.report import Report
from wickie.report.columns import columns
from wickie.report.lines import KINDS, Head, render_lines
from wickie.report.store import publish
from wickie.report.vulnerabilities import VulnerabilityReport
from wickie.report.vulnerability_page import FILES
from wickie.vulnerabilities.scanning import VulnerabilityScan

EXCUSED = finding(suppressed_by=Suppression("wickie.yaml", "unreachable", "us", date(2030, 1, 1)))


@pytest.fixture
def vulnerabilities() -> VulnerabilityReport:
    scan = VulnerabilityScan("run-1", NOON, NOON, targets=("shop",), findings=(EXCUSED,))
    return VulnerabilityReport("prod", scan)


def bodies(report: Any, *files: Any) -> dict[str, str]:
    s3 = Bucket()
    publish(s3, "results", report, *files)  # type: ignore[arg-type]
    return {uri.removeprefix("s3://results/"): o["Body"].decode() for uri, o in s3.objects.items()}


def test_each_kind_of_lines_has_a_folder_that_holds_nothing_else(
    report: Report, vulnerabilities: VulnerabilityReport
) -> None:
    keys = [*bodies(report), *bodies(vulnerabilities, FILES)]
    for kind in KINDS:
        (key,) = (key for key in keys if key.startswith(f"kind={kind}/"))
        run = "run-1" if kind == "vulnerabilities" else "nightly-1"
        assert key == f"kind={kind}/dt=2026-11-23/run={run}.jsonl"


def test_a_line_says_whose_it_is_and_is_complete_in_itself(report: Report) -> None:
    text = bodies(report)["kind=findings/dt=2026-11-23/run=nightly-1.jsonl"]
    first, second = (json.loads(line) for line in text.splitlines())
    for line in (first, second):
        assert (line["stage"], line["run_id"]) == ("prod", "nightly-1")
        assert (line["report"], line["ended"]) == ("scan", NOON.isoformat())
    assert first["managed"]["arn"] == ARN
    assert second["managed"] is None


def test_a_run_that_has_nothing_to_tell_writes_no_lines(report: Report) -> None:
    quiet = replace(report, scan=None, rotations=())
    assert not [key for key in bodies(quiet) if key.endswith(".jsonl")]


def matches(value: Any, hive: str) -> bool:
    """Whether a SerDe that reads columns by name would lose nothing of `value`."""
    if value is None:
        return True
    if hive.startswith("array<"):
        return isinstance(value, list) and all(matches(each, hive[6:-1]) for each in value)
    if hive.startswith("struct<"):
        members = dict(part.split(":", 1) for part in split(hive[7:-1]))
        return value.keys() == members.keys() and all(
            matches(value[name], type_) for name, type_ in members.items()
        )
    simple: dict[str, Any] = {"string": str, "bigint": int, "double": (float, int), "boolean": bool}
    return isinstance(value, simple[hive])


def split(text: str) -> list[str]:
    """The members of a struct, not those of structs within."""
    parts, depth = [""], 0
    for character in text:
        depth += {"<": 1, ">": -1}.get(character, 0)
        if character == "," and not depth:
            parts.append("")
        else:
            parts[-1] += character
    return parts


@pytest.mark.parametrize("kind", KINDS)
def test_every_key_of_a_line_is_a_column_and_every_column_a_key(
    kind: str, report: Report, vulnerabilities: VulnerabilityReport
) -> None:
    told = vulnerabilities if kind == "vulnerabilities" else report
    lines = [json.loads(line) for line in render_lines(told, kind).splitlines()]
    assert lines
    for line in lines:
        assert list(line) == list(columns(kind))
        unread = {n: (line[n], t) for n, t in columns(kind).items() if not matches(line[n], t)}
        assert unread == {}


@pytest.mark.parametrize("kind", KINDS)
def test_no_record_has_a_field_that_the_head_of_the_line_has(kind: str) -> None:
    assert not {f.name for f in fields(Head)} & {f.name for f in fields(KINDS[kind])}


def test_a_column_is_as_deep_as_its_record() -> None:
    assert columns("findings")["managed"] == (
        "struct<arn:string,version_id:string,stage:string,encoding:string,honeytoken:boolean>"
    )
    assert columns("rotations")["timeline"] == "array<struct<step:string,at:string,detail:string>>"
    assert columns("vulnerabilities")["cvss"] == "array<double>"
    assert columns("vulnerabilities")["kev"] == "boolean"
