"""Puts a report where Athena, people and pipelines find it: partitioned by kind, day and run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol

from wickie.report.document import render_findings, render_json
from wickie.report.page import render_html
from wickie.report.sarif import render_sarif

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class Publishable(Protocol):
    """A report by its place in the bucket."""

    @property
    def kind(self) -> str: ...
    @property
    def day(self) -> str: ...
    @property
    def run_id(self) -> str: ...


PERMISSIONS: Final = ("s3:PutObject",)

Files = Mapping[str, tuple[Callable[[Any], str], str]]
"""Of each file how it is rendered, and its media type; the last one marks the run complete."""

_FILES: Final[Files] = {
    "findings.jsonl": (render_findings, "application/x-ndjson"),
    "report.sarif": (render_sarif, "application/sarif+json"),
    "report.html": (render_html, "text/html; charset=utf-8"),
    "report.json": (render_json, "application/json"),
}


def publish(
    s3: S3Client, bucket: str, report: Publishable, files: Files = _FILES
) -> dict[str, str]:
    """Write every rendering under the run's prefix; returns each file's name and S3 URI."""
    prefix = f"kind={report.kind}/dt={report.day}/run={report.run_id}"
    published = {}
    for name, (render, content_type) in files.items():
        key = f"{prefix}/{name}"
        body = render(report).encode()
        s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType=content_type)
        published[name] = f"s3://{bucket}/{key}"
    return published
