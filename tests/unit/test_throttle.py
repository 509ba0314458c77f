"""The leak response's throttle, on moto's DynamoDB."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from tests.deployed import create_table
from wickie.response.throttle import Admission, Throttle

NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
TABLE = "findings"


@pytest.fixture
def dynamodb() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client("dynamodb", "us-east-1")
        create_table(client, TABLE, "id")
        yield client


def throttle(dynamodb: Any, per_hour: int = 3, minutes: int = 10) -> Throttle:
    return Throttle(dynamodb, TABLE, timedelta(minutes=minutes), per_hour)


def test_one_secret_is_admitted_once_until_the_debounce_is_over(dynamodb: Any) -> None:
    ours = throttle(dynamodb)
    assert ours.admit("a", NOW) is Admission.ADMITTED
    assert ours.admit("a", NOW + timedelta(minutes=9)) is Admission.DEBOUNCED
    assert ours.admit("b", NOW + timedelta(minutes=9)) is Admission.ADMITTED
    assert ours.admit("a", NOW + timedelta(minutes=10)) is Admission.ADMITTED


def test_a_response_that_was_cut_short_is_not_held_back_by_itself(dynamodb: Any) -> None:
    ours = throttle(dynamodb, per_hour=1)
    assert ours.admit("a", NOW, "run 1") is Admission.ADMITTED
    assert ours.admit("a", NOW + timedelta(minutes=5), "run 1") is Admission.ADMITTED
    assert ours.admit("a", NOW + timedelta(minutes=5), "run 2") is Admission.DEBOUNCED
    assert ours.admit("b", NOW + timedelta(minutes=5), "run 1") is Admission.CAPPED


def test_the_cap_counts_any_hour_and_not_the_clocks(dynamodb: Any) -> None:
    ours = throttle(dynamodb, per_hour=2)
    assert ours.admit("a", NOW + timedelta(minutes=50)) is Admission.ADMITTED
    assert ours.admit("b", NOW + timedelta(minutes=59)) is Admission.ADMITTED
    assert ours.admit("c", NOW + timedelta(minutes=61)) is Admission.CAPPED
    assert ours.admit("c", NOW + timedelta(minutes=110)) is Admission.ADMITTED


def test_a_cap_of_nought_admits_nothing(dynamodb: Any) -> None:
    assert throttle(dynamodb, per_hour=0).admit("a", NOW) is Admission.CAPPED


def test_a_debounce_longer_than_an_hour_is_remembered(dynamodb: Any) -> None:
    ours = throttle(dynamodb, minutes=180)
    ours.admit("a", NOW)
    ours.admit("b", NOW + timedelta(minutes=90))
    assert ours.admit("a", NOW + timedelta(minutes=120)) is Admission.DEBOUNCED


def test_what_is_remembered_expires(dynamodb: Any) -> None:
    throttle(dynamodb).admit("a", NOW)
    (item,) = dynamodb.scan(TableName=TABLE)["Items"]
    assert int(item["expires"]["N"]) == (NOW + timedelta(hours=1)).timestamp()


@pytest.mark.parametrize("secrets", [["a"] * 12, [str(n) for n in range(12)]])
def test_runs_at_the_same_moment_never_admit_too_many(
    dynamodb: Any, secrets: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """DynamoDB does one write of an item at a time; moto does not, so a lock stands in for it."""
    one_at_a_time, everyone_has_read = threading.Lock(), threading.Barrier(len(secrets))
    call, read = dynamodb._make_api_call, threading.local()

    def serialised(operation: str, parameters: dict[str, Any]) -> Any:
        with one_at_a_time:
            reply = call(operation, parameters)
        if operation == "GetItem" and not hasattr(read, "once"):
            read.once = everyone_has_read.wait(60)
        return reply

    monkeypatch.setattr(dynamodb, "_make_api_call", serialised)
    ours = throttle(dynamodb, per_hour=3)
    with ThreadPoolExecutor(len(secrets)) as pool:
        answers = Counter(pool.map(lambda secret: ours.admit(secret, NOW), secrets))
    assert answers[Admission.ADMITTED] == (1 if len(set(secrets)) == 1 else 3)
