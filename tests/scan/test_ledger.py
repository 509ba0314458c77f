"""Findings are remembered from one night to the next."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import boto3
import pytest
from moto import mock_aws

from tests.deployed import create_table
from wickie.model import Finding, Location, Severity
from wickie.scan import ledger
from wickie.scan.identity import finding_id

NIGHT = datetime(2026, 1, 1, 2, tzinfo=UTC)


@pytest.fixture
def dynamodb():
    with mock_aws():
        client = boto3.client("dynamodb")
        create_table(client, "findings", "id")
        yield client


def finding(id_: str) -> Finding:
    return Finding(id_, "rule", "title", Severity.HIGH, Location("uri"), "paper")


def test_first_sight_stays_and_last_sight_moves_on(dynamodb):
    (first,) = ledger.record(dynamodb, "findings", [finding("a")], NIGHT)
    assert (first.first_seen, first.last_seen) == (NIGHT, NIGHT)
    later = NIGHT + timedelta(days=1)
    again, new = ledger.record(dynamodb, "findings", [finding("a"), finding("b")], later)
    assert (again.first_seen, again.last_seen) == (NIGHT, later)
    assert (new.first_seen, new.last_seen) == (later, later)


def test_recording_twice_changes_nothing(dynamodb):
    findings = [finding("a"), finding("a"), finding("b")]
    once = ledger.record(dynamodb, "findings", findings, NIGHT)
    before = dynamodb.scan(TableName="findings")["Items"]
    assert ledger.record(dynamodb, "findings", findings, NIGHT) == once
    assert dynamodb.scan(TableName="findings")["Items"] == before
    assert len(before) == 2


def test_entries_expire_a_year_after_the_last_sight(dynamodb):
    ledger.record(dynamodb, "findings", [finding("a")], NIGHT)
    (item,) = dynamodb.scan(TableName="findings")["Items"]
    assert item["id"]["S"] == "finding#a"
    assert int(item["expires"]["N"]) > (NIGHT + timedelta(days=365)).timestamp()


def test_no_findings_take_no_call():
    assert ledger.record(None, "findings", [], NIGHT) == ()  # type: ignore[arg-type]


def test_the_parts_of_an_identity_do_not_run_into_each_other():
    assert finding_id(b"k", "a", b"b", "c") != finding_id(b"k", "ab", b"", "c")
