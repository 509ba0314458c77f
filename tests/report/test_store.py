from __future__ import annotations

import json
from typing import Any

from wickie.report import Report
from wickie.report.store import publish


class Bucket:
    """The part of an S3 client that publishing needs."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}

    def put_object(self, *, Bucket: str, Key: str, **rest: Any) -> None:  # noqa: N803  (S3's names)
        self.objects[f"s3://{Bucket}/{Key}"] = rest


def test_every_rendering_is_published_under_kind_day_and_run(report: Report) -> None:
    s3 = Bucket()
    published = publish(s3, "results", report)  # type: ignore[arg-type]
    prefix = "s3://results/kind=scan/dt=2026-11-23/run=nightly-1/"
    renderings = {uri for name, uri in published.items() if not name.endswith(".jsonl")}
    assert renderings == {prefix + name for name in ("report.json", "report.sarif", "report.html")}
    assert set(s3.objects) == set(published.values())
    assert json.loads(s3.objects[published["report.json"]]["Body"])["run_id"] == "nightly-1"
    assert s3.objects[published["report.html"]]["ContentType"] == "text/html; charset=utf-8"


def test_the_record_that_marks_a_run_complete_is_written_last(report: Report) -> None:
    s3 = Bucket()
    publish(s3, "results", report)  # type: ignore[arg-type]
    assert list(s3.objects)[-1].endswith("/report.json")
