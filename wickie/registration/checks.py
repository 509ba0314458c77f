"""What a work pool's template must keep to, checked before anything is sent to Prefect."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from wickie.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html
_GIB: Final = 1024
_FARGATE_MEMORY: Final = {
    256: (512, *range(1 * _GIB, 2 * _GIB + 1, _GIB)),
    512: range(1 * _GIB, 4 * _GIB + 1, _GIB),
    1024: range(2 * _GIB, 8 * _GIB + 1, _GIB),
    2048: range(4 * _GIB, 16 * _GIB + 1, _GIB),
    4096: range(8 * _GIB, 30 * _GIB + 1, _GIB),
    8192: range(16 * _GIB, 60 * _GIB + 1, 4 * _GIB),
    16384: range(32 * _GIB, 120 * _GIB + 1, 8 * _GIB),
}
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskOverride.html
_OVERRIDES_AT_MOST: Final = 8192
_ADDED_PER_RUN: Final = 2048
"""Characters kept free for what the worker adds: the server's address, its settings, run ids."""
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_AwsVpcConfiguration.html
_SUBNETS_AT_MOST, _GROUPS_AT_MOST = 16, 5
_PLACEHOLDER: Final = re.compile(r"\{\{\s*([a-z_]+)\s*\}\}")
_SENSITIVE: Final = re.compile(r"PREFECT_SERVER_|PREFECT_API_(KEY|AUTH_STRING)$")


def check(template: Mapping[str, Any], deployments: Iterable[Mapping[str, Any]] = ()) -> list[str]:
    """
    Raise `ConfigError` with the first reason for which a run would fail, or tell too much.

    That is a run with the template's defaults, and one of each deployment with its job variables.
    Returns what is allowed and unwise. https://docs.prefect.io says none of this: each of them is
    a run that stayed PENDING, a password in DescribeTasks or a revision for every deployment.
    """
    variables = template.get("variables", {})
    properties: Mapping[str, Any] = variables.get("properties", {})
    names = _PLACEHOLDER.findall(json.dumps(template.get("job_configuration", {})))
    if undeclared := sorted(set(names) - set(properties)):
        raise refused(f"it uses undeclared variables: {', '.join(undeclared)}")
    if variables.get("additionalProperties") is not False:
        raise refused("a misspelt job variable would be ignored (additionalProperties)")
    given = {name: found.get("default") for name, found in properties.items()}
    for wrong in _amiss(given):
        raise refused(wrong)
    for deployment in deployments:
        job: Mapping[str, Any] = deployment.get("job_variables") or {}
        if unknown := sorted(set(job) - set(properties)):
            raise refused(f"{deployment['name']} sets unknown variables: {', '.join(unknown)}")
        env = {**(given.get("env") or {}), **job.get("env", {})}  # which Prefect merges
        for wrong in _amiss({**given, **job, "env": env}):
            raise refused(f"{deployment['name']}: {wrong}")
    image = str(given.get("image"))
    return (
        []
        if "@sha256:" in image
        else [f"image {image} is named by a tag, which may move; name it by digest"]
    )


def _amiss(given: Mapping[str, Any]) -> Iterator[str]:
    yield from _of_the_definition(given)
    yield from _of_the_request(given)


def refused(reason: str) -> ConfigError:
    """The error with which a template is sent back."""
    return ConfigError(f"the work pool's template would not run: {reason}; correct it")


def _of_the_definition(given: Mapping[str, Any]) -> Iterator[str]:
    family, cpu, memory = (given.get(name) for name in ("family", "cpu", "memory"))
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,255}", str(family)):
        yield f"family {family!r} must be letters, digits, - and _ only"
    if not (str(cpu).isdigit() and str(memory).isdigit()):
        yield f"cpu {cpu!r} and memory {memory!r} must be numbers"
    elif int(str(memory)) not in _FARGATE_MEMORY.get(int(str(cpu)), ()):
        yield f"Fargate offers no {memory} MiB with {cpu} CPU units"
    if not given.get("execution_role_arn"):
        yield "without execution_role_arn Fargate can neither pull the image nor log"
    if not given.get("cloudwatch_logs_prefix"):
        yield "without cloudwatch_logs_prefix each deployment registers a revision of its own"
    if not given.get("container_name"):
        yield "without container_name the observer cannot tell how a container ended"


def _of_the_request(given: Mapping[str, Any]) -> Iterator[str]:
    network = given.get("network_configuration") or {}
    if "awsvpcConfiguration" in network:
        yield "network_configuration is what stands inside awsvpcConfiguration"
    if network and not given.get("vpc_id"):
        yield "network_configuration needs vpc_id"
    if len(network.get("subnets", ())) > _SUBNETS_AT_MOST:
        yield f"more than {_SUBNETS_AT_MOST} subnets"
    if len(network.get("securityGroups", ())) > _GROUPS_AT_MOST:
        yield f"more than {_GROUPS_AT_MOST} security groups"
    environment: Mapping[str, str] = given.get("env") or {}
    if leaking := [name for name in environment if _SENSITIVE.match(name)]:
        yield (
            f"env holds {', '.join(leaking)}, which DescribeTasks shows to whoever asks; name the "
            f"secret by prefect_api_key_secret_arn or prefect_api_auth_string_secret_arn"
        )
    if "PREFECT_HOME" not in environment:
        yield "without env.PREFECT_HOME the worker's own is handed down to flows"
    if "PREFECT_FLOW_RUN_EXECUTE_SIGTERM_BEHAVIOR" not in environment:
        yield "without a SIGTERM behaviour in env no rollback is run when a task is stopped"
    if too_long := overrides_too_long({"environment": environment}):
        yield too_long


def overrides_too_long(overrides: object) -> str:
    """Why ECS would not take these overrides once a run's own are added; empty if it would."""
    size = len(json.dumps(overrides)) + _ADDED_PER_RUN
    if size <= _OVERRIDES_AT_MOST:
        return ""
    return f"overrides of some {size} characters, where ECS takes {_OVERRIDES_AT_MOST}"
