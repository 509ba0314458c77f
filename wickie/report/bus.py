"""What wickie tells EventBridge, for rules of anybody's to act on: docs/events.md lists it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from wickie.asking import asking
from wickie.errors import ProviderUnavailableError
from wickie.model import to_jsonable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wickie.aws import Clients
    from wickie.model import Finding

PERMISSIONS: Final = ("events:PutEvents",)
"""On the default bus, in the name of `SOURCE` alone."""
SOURCE: Final = "wickie"
SECRET_FOUND: Final = "Secret Found"  # noqa: S105  (what is told, no secret)
VULNERABILITIES_FOUND: Final = "Vulnerabilities Found"
ROLLBACK: Final = "Rollback"

# https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
_AT_ONCE: Final = 10


def announce(events: Any, kind: str, details: Iterable[object]) -> None:
    """Put an event of this kind on the default bus for each of these records, in their order."""
    entries = [
        {"Source": SOURCE, "DetailType": kind, "Detail": json.dumps(to_jsonable(detail))}
        for detail in details
    ]
    for start in range(0, len(entries), _AT_ONCE):
        with asking("the default event bus"):
            reply = events.put_events(Entries=entries[start : start + _AT_ONCE])
        if reply["FailedEntryCount"]:
            code = next(e["ErrorCode"] for e in reply["Entries"] if "ErrorCode" in e)
            raise ProviderUnavailableError(f"EventBridge did not take every event ({code})")


def announce_leaks(clients: Clients, stage: str, findings: Iterable[Finding]) -> None:
    """An event for each place where a managed secret was found."""
    leaks = [{"stage": stage, **to_jsonable(found)} for found in findings if found.managed]
    if leaks:
        announce(clients.service("events"), SECRET_FOUND, leaks)
