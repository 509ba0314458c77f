"""Whether Prefect, its ECS worker, ECS and Fargate will accept a work pool's template."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any, Final
from uuid import uuid4

import botocore.session
from botocore.exceptions import ParamValidationError
from botocore.validate import validate_parameters
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import FlowRun
from prefect.utilities.templating import find_placeholders
from prefect_aws.workers.ecs_worker import (
    ECSJobConfiguration,
    ECSVariables,
    ECSWorker,
)

from wickie.errors import ConfigError

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


def validate(template: dict[str, Any]) -> None:
    """
    Do with the template what a worker does with it, short of calling AWS.

    Raises `ConfigError` with the first reason for which a run would fail.
    """
    undeclared = {p.name for p in find_placeholders(template.get("job_configuration", {}))} - set(
        template.get("variables", {}).get("properties", {})
    )
    if undeclared:
        raise _refused(f"it uses undeclared variables: {', '.join(sorted(undeclared))}")
    try:
        WorkPoolCreate(name="validation", type="ecs", base_job_template=template)
        properties = template["variables"]["properties"]
        ECSVariables.model_validate(
            {n: p["default"] for n, p in properties.items() if "default" in p}
        )
        configuration = _configuration(template)
        definition, request = _requests(configuration)
    except (ValueError, KeyError, TypeError) as error:  # pydantic's error is a ValueError
        raise _refused(" ".join(str(error).split())) from None
    _validate_for_aws("RegisterTaskDefinition", definition)
    _validate_for_aws("RunTask", request)
    _lint(definition, request)


def _configuration(template: dict[str, Any]) -> ECSJobConfiguration:
    no_client: Any = object()  # nothing in the template refers to a block or variable
    return asyncio.run(
        ECSJobConfiguration.from_template_and_values(template, values={}, client=no_client)
    )


def _requests(configuration: ECSJobConfiguration) -> tuple[dict[str, Any], dict[str, Any]]:
    """Build both requests by the worker's own methods, without its look-up of the network."""
    worker = ECSWorker(work_pool_name="validation")
    run = FlowRun(flow_id=uuid4(), name="validation")
    definition = worker._prepare_task_definition(configuration, "us-east-1", run)  # noqa: SLF001  (prefect-aws is pinned)
    worker._validate_task_definition(definition, configuration)  # noqa: SLF001
    network = {"awsvpcConfiguration": configuration.network_configuration}
    local = configuration.model_copy(
        update={
            "network_configuration": {},
            "task_run_request": configuration.task_run_request | {"networkConfiguration": network},
        }
    )
    request = worker._prepare_task_run_request(local, definition, definition["family"], False)  # noqa: SLF001
    return definition, request


def _validate_for_aws(operation: str, request: dict[str, Any]) -> None:
    service = botocore.session.get_session().get_service_model("ecs")
    shape: Any = service.operation_model(operation).input_shape
    try:
        validate_parameters(request, shape)
    except ParamValidationError as error:
        raise _refused(f"{operation}: {' '.join(str(error).split())}") from None


def _lint(definition: dict[str, Any], request: dict[str, Any]) -> None:
    """Check what AWS refuses only when asked."""
    family, cpu, memory = definition["family"], int(definition["cpu"]), int(definition["memory"])
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,255}", family):
        raise _refused(f"family {family!r} must be letters, digits, - and _ only")
    if memory not in _FARGATE_MEMORY.get(cpu, ()):
        raise _refused(f"Fargate offers no {memory} MiB with {cpu} CPU units")
    network = request["networkConfiguration"]["awsvpcConfiguration"]
    if len(network.get("subnets", ())) > _SUBNETS_AT_MOST:
        raise _refused(f"more than {_SUBNETS_AT_MOST} subnets")
    if len(network.get("securityGroups", ())) > _GROUPS_AT_MOST:
        raise _refused(f"more than {_GROUPS_AT_MOST} security groups")
    size = len(json.dumps(request["overrides"])) + _ADDED_PER_RUN
    if size > _OVERRIDES_AT_MOST:
        raise _refused(f"overrides of some {size} characters, where ECS takes {_OVERRIDES_AT_MOST}")


def _refused(reason: str) -> ConfigError:
    return ConfigError(f"the work pool's template would not run: {reason}; correct it")
