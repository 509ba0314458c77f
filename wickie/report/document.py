"""The report as one JSON document."""

from __future__ import annotations

import json
from typing import Protocol

from wickie.model import to_jsonable
from wickie.report.record import SCHEMA_VERSION


class Record(Protocol):
    """A dataclass that tells of one run."""

    @property
    def kind(self) -> str:
        """What results are partitioned by first."""

    @property
    def run_id(self) -> str:
        """Which run it was."""

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
