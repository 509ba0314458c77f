"""ECS: tasks run as processes of this machine, services keep them running and roll out."""

from __future__ import annotations

import inspect
from copy import copy
from functools import cache
from typing import TYPE_CHECKING, Any

from moto.core.utils import utcnow
from moto.ec2.models.elastic_network_interfaces import NetworkInterface
from moto.ecs import models, responses
from moto.ecs.exceptions import EcsClientException, InvalidParameterException

from local.ecs_services import ServiceScheduler
from local.ecs_tasks import TaskProcess

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.world import World

# Any, because what moto lacks is put into its classes here.
_Backend: Any = models.EC2ContainerServiceBackend
_Task: Any = models.Task
_Definition: Any = models.TaskDefinition
_Response: Any = responses.EC2ContainerServiceResponse


def complete(world: World) -> None:  # noqa: ARG001  (tasks ask for the current one)
    """Run what RunTask and CreateService ask for."""
    _patch()


@cache
def _patch() -> None:
    _Task.advance = lambda _self: None  # a task moves on by itself, not by being described
    # Moto gives no such name in a VPC without DNS hostnames, yet describes tasks with it.
    interface: Any = NetworkInterface
    interface.private_dns_name = ""
    _Backend._calculate_task_resource_requirements = staticmethod(
        _without_container_memory(_Backend._calculate_task_resource_requirements)
    )
    _Backend.run_task = _run_task(_Backend.run_task)
    _Backend.stop_task = _stop_task
    _Backend.list_tasks = _list_tasks(_Backend.list_tasks)
    _Backend.list_services = _list_services(_Backend.list_services)
    _Backend.create_service = _create_service(_Backend.create_service)
    _Backend.update_service = _update_service
    _Backend.delete_service = _delete_service
    _Definition.__init__ = _with_time(_Definition.__init__)
    _Response.list_task_definitions = _sorted(_Response.list_task_definitions)
    _Response.create_service = _keep_deployment_configuration(_Response.create_service)


def _without_container_memory(calculate: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Accept memory given for the task alone, as is usual on Fargate."""

    def requirements(task_definition: Any) -> Any:
        lenient = copy(task_definition)
        lenient.container_definitions = [
            {"memoryReservation": 0, **c} for c in task_definition.container_definitions
        ]
        return calculate(lenient)

    return requirements


def _with_time(make: Callable[..., None]) -> Callable[..., None]:
    """Every definition says when it was registered."""

    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        make(self, *args, **kwargs)
        self.registered_at = utcnow()

    return init


def _sorted(listed: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """List newest revisions first where that is asked for."""

    def list_task_definitions(self: Any) -> Any:
        result = listed(self)
        if self._get_param("sort") == "DESC":
            result.result["taskDefinitionArns"].reverse()
        return result

    return list_task_definitions


def _run_task(run: Callable[..., list[Any]]) -> Callable[..., list[Any]]:
    signature = inspect.signature(run)

    def run_task(*args: Any, **kwargs: Any) -> list[Any]:
        call = signature.bind(*args, **kwargs)
        backend, definition = call.args[0], call.arguments["task_definition_str"]
        if backend.describe_task_definition(definition).status != "ACTIVE":
            raise EcsClientException("TaskDefinition is inactive")
        if network := call.arguments.get("networking_configuration"):
            network["awsvpcConfiguration"].setdefault("securityGroups", [])
        tasks = run(*call.args, **call.kwargs)
        for task in tasks:
            task.process = TaskProcess(backend, task)
            task.process.start()
        return tasks

    return run_task


def _stop_task(self: Any, cluster_str: str, task_str: str, reason: str | None) -> Any:
    tasks = self.tasks.get(self._get_cluster(cluster_str).name, {})
    task_id = task_str.rsplit("/", 1)[-1]
    for task in tasks.values():
        if task.id == task_id:
            task.process.stop("UserInitiated", reason or "Task stopped by user")
            return task
    raise InvalidParameterException("The referenced task was not found.")


def _list_tasks(listed: Callable[..., list[Any]]) -> Callable[..., list[Any]]:
    signature = inspect.signature(listed)

    def list_tasks(*args: Any, **kwargs: Any) -> list[Any]:
        call = signature.bind(*args, **kwargs)
        if call.arguments.get("cluster_str"):  # else moto looks a task up for itself
            call.arguments["desiredStatus"] = call.arguments.get("desiredStatus") or "RUNNING"
        service = call.arguments.get("service_name")
        group = f"service:{service.rsplit('/', 1)[-1]}" if service else None
        return [t for t in listed(*call.args, **call.kwargs) if group in (None, t.group)]

    return list_tasks


def _list_services(listed: Callable[..., list[str]]) -> Callable[..., list[str]]:
    def list_services(self: Any, *args: Any, **kwargs: Any) -> list[str]:
        gone = {s.arn for s in self.services.values() if s.status == "INACTIVE"}
        return [arn for arn in listed(self, *args, **kwargs) if arn not in gone]

    return list_services


def _create_service(create: Callable[..., Any]) -> Callable[..., Any]:
    signature = inspect.signature(create)

    def create_service(*args: Any, **kwargs: Any) -> Any:
        call = signature.bind(*args, **kwargs)
        backend, name = call.args[0], call.arguments["service_name"]
        found, _ = backend.describe_services(call.arguments["cluster_str"], [name])
        if any(s.status != "INACTIVE" for s in found):
            raise InvalidParameterException("Creation of service was not idempotent.")
        if network := call.arguments.get("network_configuration"):
            network["awsvpcConfiguration"].setdefault("securityGroups", [])
        service = create(*call.args, **call.kwargs)
        service.scheduler = ServiceScheduler(backend, service)
        service.scheduler.deploy()
        return service

    return create_service


def _keep_deployment_configuration(create: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Moto forgets it, though UpdateService remembers."""

    def create_service(self: Any) -> Any:
        result = create(self)
        service = self.ecs_backend._get_service(
            self._get_param("cluster", "default"), self._get_param("serviceName")
        )
        service.deployment_configuration = self._get_param("deploymentConfiguration") or {}
        return result

    return create_service


def _update_service(self: Any, service_properties: dict[str, Any]) -> Any:
    properties = dict(service_properties)
    name = properties.pop("service").rsplit("/", 1)[-1]
    service = self._get_service(properties.pop("cluster", "default"), name)
    if service.status != "ACTIVE":
        raise EcsClientException("Service was not ACTIVE.")
    new_deployment = properties.pop("force_new_deployment", False)
    if definition := properties.pop("task_definition", None):
        arn = self.describe_task_definition(definition).arn
        new_deployment = new_deployment or arn != service.task_definition
        service.task_definition = arn
    for attribute, value in properties.items():
        if value is not None:
            setattr(service, attribute, value)
    if new_deployment:
        service.scheduler.deploy()
    else:
        service.scheduler.wake()
    return service


def _delete_service(self: Any, cluster_name: str, service_name: str, force: bool) -> Any:
    service = self._get_service(cluster_name, service_name)
    if service.desired_count > 0 and not force:
        raise InvalidParameterException("The service cannot be stopped while it is scaled above 0.")
    service.desired_count, service.status = 0, "DRAINING"
    service.scheduler.wake()
    return service
