"""A log line of a rotation function is a metric too, and never tells what an error says."""

from __future__ import annotations

import json

import pytest

from wickie.errors import AuthenticationError
from wickie.metrics import Invocation, Metric, embedded

EVENT = {
    "Step": "setSecret",
    "SecretId": "arn:s",
    "ClientRequestToken": "t1",
    "RotationToken": "not-to-be-logged",
}


def _raise(error):
    raise error


def line(event=EVENT, error=None):
    lines: list[str] = []
    clock = iter([10.0, 10.25])
    invocation = Invocation("dev", "postgres", event, lines.append, lambda: next(clock))
    try:
        invocation.told(lambda: _raise(error) if error else {"state": "SOUND"})
    except type(error or Exception()):
        assert error
    (text,) = lines
    return json.loads(text)


def metrics(document):
    """What CloudWatch reads: name, dimensions and value of every metric in a line."""
    return {
        (metric["Name"], tuple(f"{name}={document[name]}" for name in names)): document[
            metric["Name"]
        ]
        for directive in document["_aws"]["CloudWatchMetrics"]
        for names in directive["Dimensions"]
        for metric in directive["Metrics"]
    }


def test_a_step_that_went_well_tells_how_long_it_took():
    assert metrics(line()) == {
        ("Duration", ("stage=dev", "engine=postgres", "step=setSecret")): 250,
        ("Failures", ("stage=dev",)): 0,
    }


def test_a_step_that_failed_is_counted_by_the_kind_of_its_error():
    found = metrics(line(error=AuthenticationError("the text of an error")))
    assert found["Failures", ("stage=dev",)] == 1
    assert found["Failures", ("stage=dev", "reason=AuthenticationError")] == 1


def test_a_line_names_version_and_secret_and_neither_token_nor_text():
    document = line(error=AuthenticationError("the text of an error"))
    assert (document["SecretId"], document["version"], document["step"]) == (
        "arn:s",
        "t1",
        "setSecret",
    )
    assert not {"not-to-be-logged", "the text of an error"} & set(map(str, document.values()))


@pytest.mark.parametrize(
    ("event", "step"),
    [({"Action": "retire"}, "retire"), ({}, "unknown"), ({"Step": ""}, "unknown")],
)
def test_an_action_is_told_as_a_step_is(event, step):
    assert line(event)["step"] == step


def test_a_time_is_in_milliseconds_as_cloudwatch_wants_it():
    moment = json.loads(embedded((Metric("m", 1),), {"stage": "dev"}))["_aws"]["Timestamp"]
    assert 1_700_000_000_000 < moment < 10_000_000_000_000
