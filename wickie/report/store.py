"""Puts a report where people, pipelines and Athena find it: partitioned by kind, day and run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from wickie.report import lines
from wickie.report.document import render_json
from wickie.report.page import render_html
from wickie.report.sarif import render_sarif

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


PERMISSIONS: Final = ("s3:PutObject",)

Files = Mapping[str, tuple[Callable[[Any], str], str]]
"""Of each file how it is rendered, and its media type; the last one marks the run complete."""

_FILES: Final[Files] = {
    "report.sarif": (render_sarif, "application/sarif+json"),
    "report.html": (render_html, "text/html; charset=utf-8"),
    "report.json": (render_json, "application/json"),
}


def publish(s3: S3Client, bucket: str, report: lines.Told, files: Files = _FILES) -> dict[str, str]:
    """
    Write the report's lines into their tables, and every rendering under the run's own prefix.

    Returns each file's name and S3 URI.
    """
    published = {}

    def put(name: str, key: str, text: str, content_type: str) -> None:
        s3.put_object(Bucket=bucket, Key=key, Body=text.encode(), ContentType=content_type)
        published[name] = f"s3://{bucket}/{key}"

    for kind, key, text in lines.files(report):
        put(f"{kind}.jsonl", key, text, "application/x-ndjson")
    prefix = f"kind={report.kind}/dt={report.day}/run={report.run_id}"
    for name, (render, content_type) in files.items():
        put(name, f"{prefix}/{name}", render(report), content_type)
    return published
