"""docs/events.md shows a configuration that is valid, and events that its patterns match."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from moto.events.models import EventPattern

from wickie.config import Config
from wickie.dispatch import Start

PAGE = (Path(__file__).parents[2] / "docs" / "events.md").read_text()
SECTION = yaml.safe_load(PAGE.split("```yaml\n")[1].split("```")[0])

# As AWS documents their forms; of each what a pattern may ask for.
EVENTS: dict[str, Any] = {
    "rotation-failed": {
        "source": "aws.secretsmanager",
        "detail-type": "AWS Service Event via CloudTrail",
        "detail": {"eventName": "RotationFailed", "additionalEventData": {"SecretId": "arn:a"}},
    },
    "secret-found": {
        "source": "wickie",
        "detail-type": "Secret Found",
        "detail": {
            "stage": "prod",
            "managed": {"arn": "arn:a", "version_id": "v1", "stage": "CURRENT"},
        },
    },
    "exposed-key": {
        "source": "aws.health",
        "detail-type": "AWS Health Event",
        "detail": {"service": "RISK", "eventTypeCode": "AWS_RISK_CREDENTIALS_EXPOSED"},
    },
    "guardduty": {
        "source": "aws.guardduty",
        "detail-type": "GuardDuty Finding",
        "detail": {"type": "UnauthorizedAccess:IAMUser/MaliciousIPCaller", "severity": 8},
    },
    "security-hub": {
        "source": "aws.securityhub",
        "detail-type": "Security Hub Findings - Imported",
        # A list in AWS, which EventBridge looks into and moto does not.
        "detail": {"findings": {"Severity": {"Label": "CRITICAL"}}},
    },
}


@pytest.mark.parametrize("name", EVENTS)
def test_each_event_matches_its_own_pattern_alone_and_gives_every_parameter(name: str) -> None:
    rules = {rule.name: rule for rule in Config.model_validate({"stage": "a", **SECTION}).events}
    assert rules.keys() == EVENTS.keys()
    event = {"id": "1", **EVENTS[name]}
    found = [
        rule.name
        for rule in rules.values()
        if EventPattern(None, rule.pattern).matches_event(event)
    ]
    assert found == [name]
    rule = rules[name]
    assert Start(rule.deployment, rule.parameters).parameters_of(event).keys() == (
        rule.parameters.keys()
    )
