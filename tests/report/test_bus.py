"""What is told to EventBridge."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.vulnerabilities.paper import finding
from wickie.errors import ProviderUnavailableError
from wickie.report.bus import SECRET_FOUND, announce


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
