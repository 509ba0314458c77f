"""
What Athena queries: of every run one JSON line for each finding, gap and rotation.

A kind of lines is a folder of its own in the results bucket, and holds nothing else: Athena reads
every object that it finds under a table's location.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime  # noqa: TC003  (columns are read off the annotations)
from typing import TYPE_CHECKING, Final, Protocol

from wickie.model import Finding, Gap, RotationOutcome, to_jsonable
from wickie.report.record import SCHEMA_VERSION
from wickie.vulnerabilities.finding import Vulnerability

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

KINDS: Final[Mapping[str, type]] = {
    "findings": Finding,
    "gaps": Gap,
    "rotations": RotationOutcome,
    "vulnerabilities": Vulnerability,
}
"""Kinds of lines, and what a line of each is made from."""


@dataclass(frozen=True)
class Head:
    """What every line begins with, of whichever kind: whose it is."""

    schema_version: str
    stage: str
    run_id: str
    report: str
    """Kind of the report that says more of the run."""
    ended: datetime


class Told(Protocol):
    """A report, as far as lines are made of it."""

    @property
    def stage(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def run_id(self) -> str: ...
    @property
    def day(self) -> str: ...
    @property
    def ended(self) -> datetime: ...
    @property
    def records(self) -> Mapping[str, Sequence[object]]:
        """What it tells of, by kinds of lines."""


def render_lines(report: Told, kind: str) -> str:
    """One line for each of the report's records of a kind, complete in itself."""
    head = to_jsonable(Head(SCHEMA_VERSION, report.stage, report.run_id, report.kind, report.ended))
    return "".join(
        json.dumps({**head, **to_jsonable(record)}, ensure_ascii=False) + "\n"
        for record in report.records.get(kind, ())
    )


def files(report: Told) -> Iterator[tuple[str, str, str]]:
    """Kind, key in the results bucket, and content: of every kind that the report tells of."""
    for kind, records in report.records.items():
        if records:
            key = f"{folder(kind)}dt={report.day}/run={report.run_id}.jsonl"
            yield kind, key, render_lines(report, kind)


def folder(kind: str) -> str:
    """Prefix of the keys of a kind of lines."""
    return f"kind={kind}/"
