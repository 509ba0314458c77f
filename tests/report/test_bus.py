"""What is told to EventBridge."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from tests.vulnerabilities.paper import finding
from wickie.errors import ProviderUnavailableError
from wickie.model import Finding, Location, ManagedVersion, Severity, Stage
from wickie.report.bus import SECRET_FOUND, announce, announce_leaks


class Bus:
    """A bus that takes ten at a time, and fails where it is to."""

    def __init__(self, *failures: str) -> None:
        self.entries: list[Any] = []
        self.failures = list(failures)

    def put_events(self, *, Entries: list[Any]) -> Any:  # noqa: N803  (AWS's name)
        assert 0 < len(Entries) <= 10
        self.entries += Entries
        replies = [{"ErrorCode": code} for code in self.failures] or [{"EventId": "a"}]
        return {"FailedEntryCount": len(self.failures), "Entries": replies}


def test_every_record_is_an_event_of_wickies_own() -> None:
    bus = Bus()
    announce(bus, SECRET_FOUND, [finding() for _ in range(23)])
    assert len(bus.entries) == 23
    assert {(e["Source"], e["DetailType"]) for e in bus.entries} == {("wickie", "Secret Found")}
    assert json.loads(bus.entries[0]["Detail"])["package"] == "jinja2"
    announce(bus, SECRET_FOUND, [])
    assert len(bus.entries) == 23


def test_what_the_bus_did_not_take_is_an_error_that_may_be_tried_again() -> None:
    with pytest.raises(ProviderUnavailableError, match="InternalFailure"):
        announce(Bus("InternalFailure"), SECRET_FOUND, [finding()])


def test_leaks_of_managed_secrets_are_told_and_other_findings_are_not() -> None:
    bus = Bus()
    clients: Any = SimpleNamespace(service=lambda name: {"events": bus}[name])
    leaked = ManagedVersion("arn:a", "v1", Stage.CURRENT)
    place = Location("s3://logs/a", 3)
    findings = [
        Finding("1", "managed", "t", Severity.CRITICAL, place, "s3", managed=leaked),
        Finding("2", "generic", "t", Severity.LOW, place, "s3"),
    ]
    announce_leaks(clients, "prod", findings)
    (entry,) = bus.entries
    detail = json.loads(entry["Detail"])
    assert (detail["stage"], detail["managed"]["stage"]) == ("prod", "CURRENT")
    assert detail["location"]["uri"] == "s3://logs/a"
