"""The nightly upkeep through the function itself: what got stuck is ended, and told."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from types import SimpleNamespace

import pytest

from tests.rotation.fakes import FakeDatabase, login
from wickie import metrics
from wickie.metrics import Invocation
from wickie.providers.registry import Engine
from wickie.rotation.driver import Step
from wickie.rotation.upkeep import keep_up

DAY = timedelta(days=1)


@pytest.fixture
def database(monkeypatch) -> FakeDatabase:
    fake = FakeDatabase(app="first-password")
    monkeypatch.setattr(Engine, "open", lambda *_: fake)
    return fake


@pytest.fixture
def clients(aws):
    """Clients whose Lambda is the rotation function, in this process, and what it has logged."""
    lines: list[dict] = []

    def invoke(FunctionName: str, Payload: bytes) -> dict:  # noqa: N803  (AWS's name)
        event = json.loads(Payload)
        told = Invocation("dev", "postgres", event, lambda line: lines.append(json.loads(line)))
        answer = told.told(lambda: aws.send(event))
        return {"Payload": io.BytesIO(json.dumps(answer).encode()), "function": FunctionName}

    def describe_secret(SecretId: str) -> dict:  # noqa: N803
        described = aws.client.describe_secret(SecretId=SecretId)
        return {**described, "RotationLambdaARN": "arn:aws:lambda:us-east-1:123456789012:f"}

    return SimpleNamespace(
        secrets_manager=SimpleNamespace(describe_secret=describe_secret),
        lambda_=SimpleNamespace(invoke=invoke),
        lines=lines,
    )


def stuck(aws, arn: str, before: Step) -> str:
    """A rotation that Secrets Manager gave up, half an hour ago."""
    token = aws.until(arn, before)
    aws.let_pass(arn, 1800)
    aws.let_leases_end()
    return token


@pytest.mark.parametrize(
    ("before", "ended"), [(Step.SET, "CANCELLED"), (Step.TEST, "FINISHED")], ids=["refused", "set"]
)
def test_a_rotation_that_got_stuck_is_ended_counted_and_may_begin_anew(
    aws, database, clients, before, ended
):
    arn = aws.store(login())
    old, token = aws.version(arn), stuck(aws, arn, before)
    kept = keep_up(clients, arn, None, DAY)
    assert (kept.repair.state, kept.settlement) == (ended, None)
    assert aws.version(arn, "AWSPENDING") in (None, aws.version(arn))
    assert aws.version(arn) == (token if ended == "FINISHED" else old)
    assert [line.get(metrics.REPAIRS) for line in clients.lines] == [1]
    aws.rotate(arn)
    assert keep_up(clients, arn, None, DAY).repair.state == "SOUND"
    assert metrics.REPAIRS not in clients.lines[-1]
    assert database.changed


def test_one_that_began_moments_ago_is_left_alone(aws, database, clients):
    arn = aws.store(login())
    token = aws.until(arn, Step.SET)
    assert keep_up(clients, arn, None, DAY).repair.state == "UNDER_WAY"
    assert aws.version(arn, "AWSPENDING") == token
    assert metrics.REPAIRS not in clients.lines[-1]
    assert not database.changed
