"""What is known to strand runs, or to show a password, is never sent to Prefect."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from tests.registration.conftest import PUBLISHED
from wickie.errors import ConfigError
from wickie.registration.checks import check
from wickie.registration.manifest import Manifest
from wickie.registration.work_pool import WorkPool, base_job_template


@pytest.fixture
def template(manifest: Manifest, published: str) -> dict[str, Any]:
    return base_job_template(manifest.base_job_template, WorkPool.parse(published))


def env(template: dict[str, Any], **more: str | None) -> dict[str, str]:
    given = {**template["variables"]["properties"]["env"]["default"], **more}
    return {name: value for name, value in given.items() if value is not None}


def test_ours_is_in_order(template: dict[str, Any]) -> None:
    assert check(template) == []


def test_an_image_by_tag_is_warned_of(manifest: Manifest) -> None:
    pool = WorkPool.parse(json.dumps({**PUBLISHED, "image": "wickie:latest"}))
    (told,) = check(base_job_template(manifest.base_job_template, pool))
    assert told == "image wickie:latest is named by a tag, which may move; name it by digest"


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("family", "my flows!", "family 'my flows!'"),
        ("memory", 512, "no 512 MiB with 1024 CPU"),
        ("cpu", "much", "must be numbers"),
        ("vpc_id", None, "vpc_id"),
        ("execution_role_arn", "", "execution_role_arn"),
        ("cloudwatch_logs_prefix", None, "a revision of its own"),
        ("container_name", None, "how a container ended"),
        ("network_configuration", {"awsvpcConfiguration": {}}, "inside awsvpcConfiguration"),
        ("network_configuration", {"subnets": ["s"] * 17}, "more than 16 subnets"),
        ("network_configuration", {"securityGroups": ["s"] * 6}, "more than 5 security groups"),
    ],
)
def test_a_default_that_strands_runs_is_refused(
    template: dict[str, Any], variable: str, value: Any, said: str
) -> None:
    template["variables"]["properties"][variable]["default"] = value
    with pytest.raises(ConfigError, match=said):
        check(template)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("PREFECT_API_KEY", "k", "PREFECT_API_KEY, which DescribeTasks shows"),
        ("PREFECT_API_AUTH_STRING", "k", "PREFECT_API_AUTH_STRING, which"),
        ("PREFECT_SERVER_API_AUTH_STRING", "k", "PREFECT_SERVER_API_AUTH_STRING, which"),
        ("PREFECT_HOME", None, "the worker's own is handed down"),
        ("PREFECT_FLOW_RUN_EXECUTE_SIGTERM_BEHAVIOR", None, "no rollback is run"),
        ("BIG", "x" * 7000, "where ECS takes 8192"),
    ],
)
def test_an_environment_that_tells_too_much_or_too_little_is_refused(
    template: dict[str, Any], name: str, value: str | None, said: str
) -> None:
    template["variables"]["properties"]["env"]["default"] = env(template, **{name: value})
    with pytest.raises(ConfigError, match=said):
        check(template)


def test_misspelt_variables_are_refused(template: dict[str, Any]) -> None:
    lax = copy.deepcopy(template)
    lax["variables"]["additionalProperties"] = True
    with pytest.raises(ConfigError, match="additionalProperties"):
        check(lax)
    template["job_configuration"]["task_definition"]["cpu"] = "{{ cups }}"
    with pytest.raises(ConfigError, match="undeclared variables: cups"):
        check(template)


@pytest.mark.parametrize(
    ("job", "said"),
    [
        ({"memmory": 1}, "nightly sets unknown variables: memmory"),
        ({"cpu": 256, "memory": 8192}, "nightly: Fargate offers no 8192 MiB with 256 CPU"),
        ({"env": {"PREFECT_API_KEY": "k"}}, "nightly: env holds PREFECT_API_KEY"),
        ({"env": {"BIG": "x" * 7000}}, "nightly: overrides of some"),
    ],
    ids=["misspelt", "no such size", "a key", "too long"],
)
def test_what_a_deployment_sets_is_checked_together_with_the_template(
    template: dict[str, Any], job: dict[str, Any], said: str
) -> None:
    bigger = {"cpu": 2048, "memory": 8192, "env": {"MORE": "of it"}}
    assert check(template, [{"name": "nightly", "job_variables": bigger}]) == []
    with pytest.raises(ConfigError, match=said):
        check(template, [{"name": "nightly", "job_variables": job}])
