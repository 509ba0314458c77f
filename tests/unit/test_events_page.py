"""docs/events.md shows a configuration that is valid, and events that its patterns match."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from moto.events.models import EventPattern

from wickie.config import Config
from wickie.dispatch import Start
from wickie.registration.build import KNOWN_FLOWS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "events.md").read_text()
TEXT, AUTOMATION, WORKFLOW = (part.split("```")[0] for part in PAGE.split("```yaml\n")[1:])
KNOWN = {
    flow["name"]: flow["parameter_openapi_schema"]
    for flow in json.loads(KNOWN_FLOWS.read_text())["flows"].values()
}
SECTION = yaml.safe_load(TEXT)

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


def test_the_workflow_starts_a_flow_that_there_is_with_a_key_that_is_a_secret() -> None:
    (job,) = yaml.safe_load(WORKFLOW)["jobs"].values()
    (step,) = (step for step in job["steps"] if "wickie trigger" in step.get("run", ""))
    (flow,) = re.findall(r"trigger ([\w-]+)/prod --param dry_run=true --wait", step["run"])
    assert "dry_run" in KNOWN[flow]["properties"]
    assert step["env"]["PREFECT_API_KEY"] == "${{ secrets.PREFECT_API_KEY }}"
    assert job["timeout-minutes"] > 60, "longer than --timeout, whose message tells more"


def test_actionlint_has_nothing_to_say_of_the_workflow() -> None:
    actionlint = shutil.which("actionlint", path=str(ROOT / "build/tools/bin"))
    if not actionlint:
        pytest.skip("actionlint is not here; `make tools` has Go install it beside the project")
    words = [actionlint, "-no-color", "-shellcheck=", "-pyflakes=", "-"]
    done = subprocess.run(words, input=WORKFLOW, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_the_automation_gives_the_flow_what_it_takes() -> None:
    (action,) = yaml.safe_load(AUTOMATION)["actions"]
    assert action["parameters"].keys() <= KNOWN["rotate"]["properties"].keys()
