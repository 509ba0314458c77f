"""Puts a report where Athena, people and pipelines find it: partitioned by kind, day and run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wickie.report.document import render_findings, render_json
from wickie.report.page import render_html
from wickie.report.sarif import render_sarif

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mypy_boto3_s3 import S3Client

    from wickie.report.record import Report

PERMISSIONS: Final = ("s3:PutObject",)

_FILES: Final[Mapping[str, tuple[Callable[[Report], str], str]]] = {
    "findings.jsonl": (render_findings, "application/x-ndjson"),
    "report.sarif": (render_sarif, "application/sarif+json"),
    "report.html": (render_html, "text/html; charset=utf-8"),
    "report.json": (render_json, "application/json"),  # last: where it is, the run is complete
}


def publish(s3: S3Client, bucket: str, report: Report) -> dict[str, str]:
    """Write every rendering under the run's prefix; returns each file's name and S3 URI."""
    prefix = f"kind={report.kind}/dt={report.day}/run={report.run_id}"
    published = {}
    for name, (render, content_type) in _FILES.items():
        key = f"{prefix}/{name}"
        body = render(report).encode()
        s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType=content_type)
        published[name] = f"s3://{bucket}/{key}"
    return published
