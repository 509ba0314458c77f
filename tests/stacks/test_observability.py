"""What whoever is on call relies on: a rotation that goes wrong reaches them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from wickie import metrics
from wickie.config import Config
from wickie.status import PERMISSIONS

if TYPE_CHECKING:
    from tests.stacks.conftest import Assembly, Synthesise

pytestmark = pytest.mark.slow

STACK = "WickieObservability-dev"


def _alarms(assembly: Assembly) -> dict[str, dict[str, Any]]:
    found = assembly.resources("AWS::CloudWatch::Alarm", STACK).values()
    return {alarm["Properties"]["AlarmName"]: alarm["Properties"] for alarm in found}


def test_every_alarm_tells_the_topic_and_what_to_do(assembly: Assembly) -> None:
    alarms = _alarms(assembly)
    assert sorted(alarms) == [
        "wickie-dev-Overdue",
        "wickie-dev-Repaired",
        "wickie-dev-RotationFailed",
        "wickie-dev-Stuck",
        "wickie-dev-Unreadable",
    ]
    (topic,) = assembly.resources("AWS::SNS::Topic", STACK)
    for alarm in alarms.values():
        assert alarm["AlarmActions"] == [{"Ref": topic}]
        assert len(alarm["AlarmDescription"].split()) >= 6


def test_the_addresses_of_wickie_yaml_are_subscribed(assembly: Assembly) -> None:
    subscription = assembly.only("AWS::SNS::Subscription", STACK)["Properties"]
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", "oncall@example.com")


def test_alarms_are_set_on_metrics_that_the_functions_write(assembly: Assembly) -> None:
    ours = {
        alarm["MetricName"]
        for alarm in _alarms(assembly).values()
        if alarm["Namespace"] == metrics.NAMESPACE
    }
    assert ours == {metrics.OVERDUE, metrics.REPAIRS, metrics.STUCK, metrics.UNREADABLE}


def test_a_failed_rotation_of_a_managed_secret_is_told_at_once(assembly: Assembly) -> None:
    rules = assembly.resources("AWS::Events::Rule", STACK).values()
    (rule,) = (r["Properties"] for r in rules if "EventPattern" in r["Properties"])
    detail = rule["EventPattern"]["detail"]
    assert detail["eventName"] == ["RotationFailed", "RotationAbandoned"]
    watched = json.dumps(detail["additionalEventData"])
    assert "secret:shop/database-" in watched
    assert "secret:shop/reports-" in watched
    assert "?" not in watched
    alarm = _alarms(assembly)["wickie-dev-RotationFailed"]
    assert alarm["MetricName"] == "TriggeredRules"
    (dimension,) = alarm["Dimensions"]
    assert dimension["Name"] == "RuleName"


def test_the_watch_function_may_describe_the_secrets_and_nothing_else(assembly: Assembly) -> None:
    statements = assembly.statements(STACK, "WatchRole")
    actions = {a for s in statements for a in _listed(s["Action"]) if not a.startswith("logs:")}
    assert actions == set(PERMISSIONS)


def test_the_dashboard_draws_what_the_functions_write(assembly: Assembly) -> None:
    body = json.dumps(assembly.only("AWS::CloudWatch::Dashboard", STACK))
    for name in (metrics.DURATION, metrics.FAILURES, metrics.OVERDUE, metrics.STUCK):
        assert name in body


def test_a_stage_without_secrets_has_alarms_too(synthesise: Synthesise) -> None:
    assert len(_alarms(synthesise(Config(stage="dev")))) == 5


def _listed(found: str | list[str]) -> list[str]:
    return [found] if isinstance(found, str) else found
