"""What EventBridge's rules send to their targets."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from wickie.scan.sources.reading import artifact_of
from wickie.scan.sources.texts import leaves

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_events import EventBridgeClient

    from wickie.scan.chunk import Artifact

KIND: Final = "eventbridge-target"
PERMISSIONS: Final = ("events:ListEventBuses", "events:ListRules", "events:ListTargetsByRule")


def rules(client: EventBridgeClient, prefix: str) -> Iterator[Artifact]:
    """List the rules of every event bus; each has few targets."""
    for bus in _buses(client):
        for page in client.get_paginator("list_rules").paginate(EventBusName=bus):
            for rule in page["Rules"]:
                if rule["Name"].startswith(prefix):
                    targets = partial(_targets, client, bus, rule["Name"])
                    yield artifact_of(targets, rule["Arn"], KIND)


def _buses(client: EventBridgeClient) -> Iterator[str]:
    """List their names; boto3 has no paginator for it."""
    page = client.list_event_buses()
    while True:
        yield from (bus["Name"] for bus in page["EventBuses"])
        if not page.get("NextToken"):
            return
        page = client.list_event_buses(NextToken=page["NextToken"])


def _targets(client: EventBridgeClient, bus: str, rule: str) -> Iterator[tuple[str, str]]:
    pages = client.get_paginator("list_targets_by_rule").paginate(EventBusName=bus, Rule=rule)
    for page in pages:
        for target in page["Targets"]:
            yield from leaves(f"targets/{target['Id']}", target)
