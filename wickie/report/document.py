"""The report as JSON: one document for programs, one line per finding for Athena."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from wickie.model import to_jsonable
from wickie.report.record import SCHEMA_VERSION

if TYPE_CHECKING:
    from wickie.report.record import Report


def render_json(report: Report) -> str:
    """The whole report as one JSON document."""
    document = {
        "schema_version": SCHEMA_VERSION,
        "kind": report.kind,
        "run_id": report.run_id,
        "exit_code": report.exit_code(),
        **to_jsonable(report),
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def render_findings(report: Report) -> str:
    """One JSON line per finding, each complete in itself."""
    head = {"schema_version": SCHEMA_VERSION, "run_id": report.run_id, "stage": report.stage}
    return "".join(
        json.dumps({**head, **to_jsonable(finding)}, ensure_ascii=False) + "\n"
        for finding in report.findings
    )
