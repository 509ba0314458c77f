"""The work pool's template runs as it stands, and a broken one is refused before any run."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pytest

from flows.work_pool import template_of
from flows.work_pool_checks import validate
from wickie.errors import ConfigError
from wickie.registration.work_pool import WorkPool

PUBLISHED = {
    "pool_name": "wickie-demo",
    "cluster": "flows",
    "execution_role_arn": "arn:aws:iam::123456789012:role/execution",
    "task_role_arn": "arn:aws:iam::123456789012:role/task",
    "image": "registry.example/wickie@sha256:0123",
    "vpc_id": "vpc-1",
    "subnets": ["subnet-1", "subnet-2"],
    "security_groups": ["sg-1"],
    "log_group": "/wickie/demo/flows",
    "family": "wickie-demo-flows",
    "region": "eu-west-1",
}


@pytest.fixture
def template() -> dict[str, Any]:
    return template_of(WorkPool.parse(json.dumps(PUBLISHED)))


def default(template: dict[str, Any], variable: str) -> Any:
    return template["variables"]["properties"][variable]["default"]


def test_the_published_json_is_read_whole() -> None:
    pool = asdict(WorkPool.parse(json.dumps(PUBLISHED)))
    assert (pool.pop("assign_public_ip"), pool.pop("pusher_role_arn")) == (True, "")
    assert json.loads(json.dumps(pool)) == PUBLISHED


@pytest.mark.parametrize("text", ["no json", "[]", json.dumps({**PUBLISHED, "cluster": ""})])
def test_what_is_no_work_pool_is_refused_with_the_remedy(text: str) -> None:
    with pytest.raises(ConfigError, match="run cdk deploy again"):
        WorkPool.parse(text)


def test_our_template_passes_every_check(template: dict[str, Any]) -> None:
    validate(template)


def test_flows_run_where_and_as_whom_the_stack_says(template: dict[str, Any]) -> None:
    assert default(template, "cluster") == "flows"
    assert default(template, "task_role_arn") == PUBLISHED["task_role_arn"]
    assert default(template, "execution_role_arn") == PUBLISHED["execution_role_arn"]
    assert default(template, "network_configuration") == {
        "subnets": ["subnet-1", "subnet-2"],
        "securityGroups": ["sg-1"],
        "assignPublicIp": "ENABLED",
    }
    assert default(template, "cloudwatch_logs_options")["awslogs-group"] == "/wickie/demo/flows"


def test_private_subnets_give_no_public_address() -> None:
    pool = WorkPool.parse(json.dumps({**PUBLISHED, "assign_public_ip": False}))
    network = default(template_of(pool), "network_configuration")
    assert network["assignPublicIp"] == "DISABLED"


def test_the_workers_home_is_not_handed_down_to_the_flow(template: dict[str, Any]) -> None:
    assert default(template, "env")["PREFECT_HOME"] == "~/.prefect"


def test_a_misspelt_job_variable_is_refused(template: dict[str, Any]) -> None:
    assert template["variables"]["additionalProperties"] is False


def test_making_one_template_leaves_the_next_untouched(template: dict[str, Any]) -> None:
    other = WorkPool.parse(json.dumps({**PUBLISHED, "family": "other"}))
    assert default(template_of(other), "family") == "other"
    assert default(template, "family") == "wickie-demo-flows"


def set_default(variable: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(template: dict[str, Any]) -> None:
        template["variables"]["properties"][variable]["default"] = value

    return change


def misspell_a_container_key(template: dict[str, Any]) -> None:
    template["job_configuration"]["task_definition"]["containerDefinitions"][0]["imgae"] = "x"


def use_an_undeclared_variable(template: dict[str, Any]) -> None:
    template["job_configuration"]["task_definition"]["cpu"] = "{{ cups }}"


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (set_default("family", "my flows!"), "family 'my flows!'"),
        (set_default("memory", 512), "no 512 MiB with 1024 CPU"),
        (set_default("cpu", 1000), "no 2048 MiB with 1000 CPU"),
        (set_default("cpu", "much"), "much"),
        (set_default("launch_type", "MOON"), "launch_type"),
        (set_default("vpc_id", None), "vpc_id"),
        (set_default("execution_role_arn", None), "execution"),
        (set_default("env", {"BIG": "x" * 7000}), "PREFECT_HOME"),
        (
            set_default("network_configuration", {"awsvpcConfiguration": {"subnets": ["s"]}}),
            "awsvpcConfiguration",
        ),
        (
            set_default(
                "network_configuration",
                {"subnets": ["s"], "securityGroups": [f"sg-{n}" for n in range(6)]},
            ),
            "security groups",
        ),
        (misspell_a_container_key, "imgae"),
        (use_an_undeclared_variable, "cups"),
    ],
)
def test_a_template_that_would_not_run_is_refused_with_the_reason(
    template: dict[str, Any], damage: Callable[[dict[str, Any]], None], reason: str
) -> None:
    damage(template)
    with pytest.raises(ConfigError) as refused:
        validate(template)
    assert reason in str(refused.value)
    assert "\n" not in str(refused.value)
