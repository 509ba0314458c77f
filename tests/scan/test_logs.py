"""Events of log groups are read stream by stream, those of the last hours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber
from moto import mock_aws

from tests.scan.paper import KEY, drawn, managed, read
from tests.scan.test_code_and_images import opened
from wickie.aws import Clients
from wickie.errors import SourceError
from wickie.model import Gap
from wickie.scan import engine
from wickie.scan.cache import ScanCache
from wickie.scan.chunk import SIZE, Chunk
from wickie.scan.sources import open_source


@pytest.fixture
def logs() -> Any:
    with mock_aws():
        client = boto3.client("logs")
        for group in ("/shop/orders", "/shop/quiet", "/other"):
            client.create_log_group(logGroupName=group)
        yield client


def put(client: Any, group: str, stream: str, *messages: str, hours_ago: float = 0) -> None:
    if not client.describe_log_streams(logGroupName=group, logStreamNamePrefix=stream)[
        "logStreams"
    ]:
        client.create_log_stream(logGroupName=group, logStreamName=stream)
    at = int((datetime.now(UTC) - timedelta(hours=hours_ago, seconds=60)).timestamp() * 1000)
    for start in range(0, len(messages), 1000):
        events = [{"timestamp": at, "message": m} for m in messages[start : start + 1000]]
        client.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)


def source(**options: Any) -> Any:
    return open_source("cloudwatch-logs", options, Clients())


def lines(parts: list[Any]) -> list[str]:
    return [line for p in parts if isinstance(p, Chunk) for line in p.data.decode().splitlines()]


def test_events_of_the_last_hours_are_read_in_every_stream_of_the_groups(logs):
    value = drawn()
    put(logs, "/shop/orders", "a", "started", f"password={value}", "stopped")
    put(logs, "/shop/orders", "b", f"password={value}")
    put(logs, "/shop/orders", "old", "long ago", hours_ago=30)
    put(logs, "/other", "c", "not asked for")
    result = engine.scan([source(prefix="/shop/")], [managed(value)], run_id="r")
    (finding,) = result.findings
    assert ":log-group:/shop/orders:log-stream:" in finding.location.uri
    assert (result.artifacts, result.gaps) == (2, ())
    assert sorted(lines(read(source(prefix="/shop/", hours=48)))) == sorted(
        ["started", f"password={value}", "stopped", f"password={value}", "long ago"]
    )


def test_a_large_stream_is_read_page_by_page_in_chunks(logs):
    put(logs, "/shop/orders", "a", *(f"{n:06} {'x' * 100}" for n in range(12_000)))
    parts = read(source(prefix="/shop/"))
    assert all(isinstance(part, Chunk) for part in parts)
    assert sum(part.size for part in parts) == 12_000 * 108 > SIZE
    assert len(parts) == 2


def test_a_sample_is_the_first_and_last_events_of_each_stream(logs):
    put(logs, "/shop/orders", "a", *(str(n) for n in range(100)))
    assert lines(read(source(prefix="/shop/", sample=3))) == ["0", "1", "2", "97", "98", "99"]


def test_a_stream_that_got_no_event_since_is_not_read_again(logs):
    put(logs, "/shop/orders", "a", "one")
    put(logs, "/shop/orders", "b", "two", hours_ago=2)
    stored, unchanged = b"", []
    for more in ({}, {}, {}, {"hours": 48}):
        cache = ScanCache([], KEY, stored)
        result = engine.scan([source(prefix="/shop/", **more)], [], run_id="r", cache=cache)
        stored = cache.dump()
        unchanged.append(result.unchanged)
        if len(unchanged) == 2:
            put(logs, "/shop/orders", "b", "three")
    assert unchanged == [0, 2, 1, 0]


def test_a_group_that_may_not_be_read_is_a_gap_and_the_others_are_read():
    client = Clients().service("logs")
    arn = "arn:aws:logs:eu-west-1:1:log-group"
    groups = [{"logGroupName": name, "arn": f"{arn}:{name}:*"} for name in "ab"]
    now = int(datetime.now(UTC).timestamp() * 1000)
    stream = {"logStreamName": "s", "lastEventTimestamp": now}
    with Stubber(client) as stub:
        stub.add_response("describe_log_groups", {"logGroups": groups}, {})
        stub.add_client_error("describe_log_streams", "AccessDeniedException", "no")
        stub.add_response(
            "describe_log_streams",
            {"logStreams": [stream]},
            {"logGroupName": "b", "orderBy": "LastEventTime", "descending": True},
        )
        event = {"events": [{"message": "text"}], "nextForwardToken": "f"}
        asked = {
            "logGroupName": "b", "logStreamName": "s", "startFromHead": True,
            "startTime": ANY, "endTime": ANY,
        }  # fmt: skip
        stub.add_response("get_log_events", event, asked)
        end = {"events": [], "nextForwardToken": "f"}
        stub.add_response("get_log_events", end, asked | {"nextToken": "f"})
        gap, chunk = read(opened("cloudwatch-logs", client))
        stub.assert_no_pending_responses()
    assert gap == Gap(f"{arn}:a:*", "AccessDeniedException: no")
    assert (chunk.uri, chunk.data) == (f"{arn}:b:log-stream:s", b"text\n")


def test_what_aws_refuses_is_an_error_that_names_the_permission():
    client = Clients().service("logs")
    with Stubber(client) as stub:
        stub.add_client_error("describe_log_groups", "AccessDeniedException", "not allowed")
        with pytest.raises(SourceError, match="not allowed; it takes logs:DescribeLogGroups"):
            read(opened("cloudwatch-logs", client))
