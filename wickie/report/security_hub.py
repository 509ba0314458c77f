"""
Sends findings to Security Hub, and tells each one that it does not take.

https://docs.aws.amazon.com/securityhub/latest/partnerguide/guidelines-batchimportfindings.html
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from wickie.report.asff import Hub, render_asff

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from wickie.aws import Clients
    from wickie.report.asff import Asff
    from wickie.report.record import Report
    from wickie.report.vulnerabilities import VulnerabilityReport

PERMISSIONS: Final = ("securityhub:BatchImportFindings",)
"""On the account's own default product."""

_MOST: Final = 100
_LARGEST: Final = 240_000
"""Bytes of a finding that Security Hub takes. No batch here has more, where it would take 6 MB."""


@dataclass(frozen=True)
class Refusal:
    """A finding that Security Hub did not take, and why."""

    id: str
    reason: str


@dataclass(frozen=True)
class Delivery:
    """What became of a report's findings."""

    sent: int
    refused: tuple[Refusal, ...] = ()


def send(clients: Clients, report: Report | VulnerabilityReport) -> Delivery:
    """Import every finding; to do it again changes nothing but their time."""
    caller = clients.service("sts").get_caller_identity()
    hub = Hub(caller["Account"], clients.region, caller["Arn"].split(":")[1])
    client = clients.service("securityhub")
    sent, refused = 0, list[Refusal]()
    for batch in batches(render_asff(report, hub)):
        reply = client.batch_import_findings(Findings=batch)
        sent += reply["SuccessCount"]
        refused += (
            Refusal(each["Id"], f"{each['ErrorCode']}: {each['ErrorMessage']}")
            for each in reply.get("FailedFindings", ())
        )
    return Delivery(sent, tuple(refused))


def batches(findings: Iterable[Asff]) -> Iterator[list[Asff]]:
    """Put together what goes in one request; one that is too large by itself goes alone."""
    batch, size = list[Any](), 0
    for finding in findings:
        length = len(json.dumps(finding, ensure_ascii=False).encode()) + 1
        if batch and (len(batch) == _MOST or size + length > _LARGEST):
            yield batch
            batch, size = [], 0
        batch.append(finding)
        size += length
    if batch:
        yield batch
