"""The report as JSON: one document for programs, one line per finding for Athena."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Protocol

from wickie.model import to_jsonable
from wickie.report.record import SCHEMA_VERSION

if TYPE_CHECKING:
    from collections.abc import Sequence


class Record(Protocol):
    """A dataclass that tells of one run."""

    @property
    def stage(self) -> str:
        """Whose run it was."""

    @property
    def kind(self) -> str:
        """What results are partitioned by first."""

    @property
    def run_id(self) -> str:
        """Which run it was."""

    @property
    def findings(self) -> Sequence[object]:
        """What was found, as dataclasses."""

    def exit_code(self) -> int:
        """What a command that made it ends with."""


def render_json(report: Record, **more: object) -> str:
    """The whole report as one JSON document, with what it does not say of itself."""
    document = {
        "schema_version": SCHEMA_VERSION,
        "kind": report.kind,
        "run_id": report.run_id,
        **more,
        "exit_code": report.exit_code(),
        **to_jsonable(report),
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def render_findings(report: Record) -> str:
    """One JSON line per finding, each complete in itself."""
    head = {"schema_version": SCHEMA_VERSION, "run_id": report.run_id, "stage": report.stage}
    return "".join(
        json.dumps({**head, **to_jsonable(finding)}, ensure_ascii=False) + "\n"
        for finding in report.findings
    )
