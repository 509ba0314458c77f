"""Whether Prefect, its ECS worker, ECS and Fargate will accept a work pool's template."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import botocore.session
from botocore.exceptions import ParamValidationError
from botocore.validate import validate_parameters
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import FlowRun
from prefect_aws.workers.ecs_worker import (
    ECSJobConfiguration,
    ECSVariables,
    ECSWorker,
)

from wickie.registration.checks import check, overrides_too_long, refused


def validate(template: dict[str, Any]) -> None:
    """
    Do with the template what a worker does with it, short of calling AWS.

    Raises `ConfigError` with the first reason for which a run would fail.
    """
    check(template)
    try:
        WorkPoolCreate(name="validation", type="ecs", base_job_template=template)
        properties = template["variables"]["properties"]
        ECSVariables.model_validate(
            {n: p["default"] for n, p in properties.items() if "default" in p}
        )
        configuration = _configuration(template)
        definition, request = _requests(configuration)
    except (ValueError, KeyError, TypeError) as error:  # pydantic's error is a ValueError
        raise refused(" ".join(str(error).split())) from None
    _validate_for_aws("RegisterTaskDefinition", definition)
    _validate_for_aws("RunTask", request)
    if too_long := overrides_too_long(request["overrides"]):
        raise refused(too_long)


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
        raise refused(f"{operation}: {' '.join(str(error).split())}") from None
