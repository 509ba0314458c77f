"""Whoever uses a honeytoken is told to those on call: at once, or within the hour IAM knows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from moto.events.models import EventPattern

from wickie import metrics, watch
from wickie.config import Config

if TYPE_CHECKING:
    from tests.stacks.conftest import Assembly, Synthesise

pytestmark = pytest.mark.slow

STACK = "WickieObservability-dev"


@pytest.fixture(scope="module")
def baited(synthesise: Synthesise) -> Assembly:
    """A stage with two honeytokens, one of which is an access key."""
    tokens = [{"name": "shop/bait", "user": "bots/bait"}, {"name": "shop/password"}]
    return synthesise(Config.model_validate({"stage": "dev", "honeytokens": tokens}))


def event(user: str, name: str = "ListBuckets") -> dict[str, Any]:
    """As CloudTrail gives it to EventBridge."""
    return {
        "id": "1",
        "account": "123456789012",
        "time": "2026-11-26T03:00:00Z",
        "region": "us-east-1",
        "resources": [],
        "source": "aws.s3",
        "detail-type": "AWS API Call via CloudTrail",
        "detail": {
            "userIdentity": {"type": "IAMUser", "userName": user},
            "eventName": name,
            "errorCode": "AccessDenied",
            "sourceIPAddress": "198.51.100.7",
        },
    }


def test_what_its_user_does_is_told_at_once_and_reads_are_not_left_out(baited: Assembly) -> None:
    rules = baited.resources("AWS::Events::Rule", STACK).values()
    (rule,) = (
        r["Properties"] for r in rules if r["Properties"].get("Name") == "wickie-dev-honeytoken"
    )
    assert rule["State"] == "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
    (target,) = rule["Targets"]
    (topic,) = baited.resources("AWS::SNS::Topic", STACK)
    assert target["Arn"] == {"Ref": topic}
    assert "was used" in target["InputTransformer"]["InputTemplate"]
    pattern = EventPattern.load(json.dumps(rule["EventPattern"]))
    matched = {user: pattern.matches_event(event(user)) for user in ("bait", "somebody")}
    assert matched == {"bait": True, "somebody": False}


def test_the_hourly_function_may_ask_about_its_user_and_an_alarm_is_set(baited: Assembly) -> None:
    statements = [
        statement
        for statement in baited.statements(STACK, "WatchRole")
        if "iam:ListAccessKeys" in statement["Action"]
    ]
    (statement,) = statements
    assert sorted(statement["Action"]) == sorted(watch.HONEYTOKEN_PERMISSIONS)
    assert json.dumps(statement["Resource"]).endswith(':user/bots/bait"]]}')
    alarms = baited.resources("AWS::CloudWatch::Alarm", STACK).values()
    names = {alarm["Properties"].get("MetricName") for alarm in alarms}
    assert metrics.HONEYTOKENS_USED in names
    assert baited.violations() == set()


def test_without_honeytokens_there_is_nothing_of_it(assembly: Assembly) -> None:
    assert "oneytoken" not in json.dumps(assembly.template(STACK))
