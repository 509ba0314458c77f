"""One ECS task as a process of this machine: what the container agent does in AWS."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from moto.core.utils import utcnow
from moto.ec2.exceptions import InvalidNetworkInterfaceIdError
from moto.ec2.models import ec2_backends
from moto.events.models import events_backends

from local.ecs_containers import ContainerStart, StartError
from local.world import current

if TYPE_CHECKING:
    from collections.abc import Callable

_MARK = "LOCAL_ECS_TASK"
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html
_STOP_TIMEOUT = 30
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_HealthCheck.html
_HEALTH_CHECK = {"interval": 30, "timeout": 5, "retries": 3, "startPeriod": 0}
_STAYS_UP = 1.0
"""Seconds after which a task without a health check counts as good."""


class TaskProcess:
    """
    The essential container of moto's `task`, run as a process.

    Whatever it starts inherits a mark with the task's id and goes when the first process does,
    as it would with a container: a process group is not enough, for Prefect leaves it.
    """

    def __init__(self, backend: Any, task: Any) -> None:
        self._world = current()
        self._backend = backend
        self._task = task
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self.changed: Callable[[], None] = lambda: None
        """Called whenever the task's status or health has changed."""
        self.was_healthy = False
        definition = backend.describe_task_definition(task.task_definition_arn)
        self._start = ContainerStart.of(definition, task.overrides)
        task.last_status, task.created_at, task.stop_code = "PROVISIONING", utcnow(), None
        self._container = task.containers[0]
        self._container.name, self._container.exitCode = self._start.name, None
        self._container.health_status = "UNKNOWN"

    def start(self) -> None:
        """Run the task in a thread of its own, from PROVISIONING to STOPPED."""
        name = f"ecs-task-{self._task.id}"
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def stop(self, code: str, reason: str) -> None:
        """SIGTERM to the container's first process, SIGKILL to all of it after `stopTimeout`."""
        with self._lock:
            if self._task.desired_status == "STOPPED":
                return
            self._task.desired_status = "STOPPED"
            self._task.stop_code, self._task.stopped_reason = code, reason
            process = self._process
        if process:
            threading.Thread(target=self._terminate, args=(process,), daemon=True).start()

    @property
    def healthy(self) -> bool:
        """Whether a service may count on the task now."""
        if self._task.last_status != "RUNNING" or self._task.desired_status == "STOPPED":
            return False
        if self._start.health_check:
            healthy = bool(self._container.health_status == "HEALTHY")
        else:
            healthy = time.monotonic() - self._started >= _STAYS_UP
        self.was_healthy |= healthy
        return healthy

    @property
    def unhealthy(self) -> bool:
        """Whether the container's health check has failed for good."""
        return bool(self._container.health_status == "UNHEALTHY")

    def _run(self) -> None:
        self._become("PROVISIONING")
        self._become("PENDING")
        try:
            process, shipper = self._launch()
        except Exception as error:  # noqa: BLE001  (whatever it is, ECS reports it on the task)
            text = str(error) if isinstance(error, StartError) else repr(error)
            self._task.stop_code, self._task.stopped_reason = "TaskFailedToStart", text
        else:
            if process:
                self._await_end(process, shipper)
        self._task.desired_status, self._task.stopped_at = "STOPPED", utcnow()
        self._release_network_interfaces()
        self._become("STOPPED")

    def _launch(self) -> tuple[subprocess.Popen[bytes] | None, threading.Thread | None]:
        """Start the container, unless the task has been stopped already."""
        account, region = self._backend.account_id, self._backend.region_name
        argv = self._start.argv
        environment = self._start.environment(account, region, self._task.id)
        log = self._start.log(account, region, self._task.id)
        box = self._world.scratch / "tasks" / self._task.id
        box.mkdir(parents=True)
        environment |= {"HOME": str(box), _MARK: self._task.id}
        with self._lock:
            if self._task.desired_status == "STOPPED":
                return None, None
            try:
                process = self._process = self._world.processes.start(
                    argv,
                    env=environment,
                    cwd=box,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE if log else subprocess.DEVNULL,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except OSError as error:
                text = f"CannotStartContainerError: {argv[0]}: {error.strerror}"
                raise StartError(text) from None
        if self._start.health_check:
            arguments = (process, self._start.health_check, environment)
            threading.Thread(target=self._check_health, args=arguments, daemon=True).start()
        if not log:
            return process, None
        shipper = threading.Thread(target=log.ship, args=(process.stdout,), daemon=True)
        shipper.start()
        return process, shipper

    def _await_end(
        self, process: subprocess.Popen[bytes], shipper: threading.Thread | None
    ) -> None:
        self._started, self._task.started_at = time.monotonic(), utcnow()
        self._become("RUNNING")
        code = process.wait()
        self._kill()
        if shipper:
            shipper.join(10)
        self._container.exitCode = code if code >= 0 else 128 - code
        with self._lock:
            if self._task.desired_status != "STOPPED":
                self._task.stop_code = "EssentialContainerExited"
                self._task.stopped_reason = "Essential container in task exited"

    def _terminate(self, process: subprocess.Popen[bytes]) -> None:
        process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(self._start.definition.get("stopTimeout", _STOP_TIMEOUT))
        self._kill()

    def _kill(self) -> None:
        while self._world.processes.members(_MARK, self._task.id):
            self._world.processes.kill(_MARK, self._task.id)

    def _check_health(
        self,
        process: subprocess.Popen[bytes],
        declared: dict[str, Any],
        environment: dict[str, str],
    ) -> None:
        """
        Run the container's health check as its interval says, but often until it first succeeds.

        So a service is as fast as its container, and a failing one has the time it has in AWS.
        """
        check = _HEALTH_CHECK | declared
        patience = check["interval"] * check["retries"]
        deadline = time.monotonic() + check["startPeriod"] + patience
        kind, *argv = check["command"]
        argv = ["/bin/sh", "-c", *argv] if kind == "CMD-SHELL" else argv
        pause = min(0.5, check["interval"])
        while process.poll() is None and not self._world.stopping.wait(pause):
            if self._passes(argv, environment, check["timeout"]):
                pause, deadline = check["interval"], time.monotonic() + patience
                self._set_health("HEALTHY")
            elif time.monotonic() > deadline:
                self._set_health("UNHEALTHY")

    def _passes(self, argv: list[str], environment: dict[str, str], timeout: float) -> bool:
        try:
            check = self._world.processes.start(
                argv,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        except OSError:
            return False
        try:
            return check.wait(timeout) == 0
        except subprocess.TimeoutExpired:
            check.kill()
            check.wait()
            return False

    def _set_health(self, status: str) -> None:
        if self._container.health_status != status:
            self._container.health_status = status
            self.changed()

    def _release_network_interfaces(self) -> None:
        """Moto leaves them behind, and then a VPC cannot be deleted."""
        backend = ec2_backends[self._backend.account_id][self._backend.region_name]
        for attachment in self._task.attachments:
            attachment["status"] = "DELETED"
            for detail in attachment["details"]:
                if detail["name"] == "networkInterfaceId":
                    with suppress(InvalidNetworkInterfaceIdError):
                        backend.delete_network_interface(detail["value"])

    def _become(self, status: str) -> None:
        self._task.last_status = status
        waiting = status in ("PROVISIONING", "PENDING")
        self._container.last_status = "PENDING" if waiting else status
        if not self._world.stopping.is_set():
            self._publish()
            self.changed()

    def _publish(self) -> None:
        """Put the change on the default bus, where moto matches rules and delivers."""
        task, container = self._task, self._container
        about_container = {
            "containerArn": container.container_arn,
            "name": container.name,
            "lastStatus": container.last_status,
            "taskArn": task.task_arn,
            "exitCode": container.exitCode,
        }
        detail = {
            "clusterArn": task.cluster_arn,
            "taskArn": task.task_arn,
            "taskDefinitionArn": task.task_definition_arn,
            "lastStatus": task.last_status,
            "desiredStatus": task.desired_status,
            "group": task.group,
            "startedBy": task.started_by,
            "launchType": task.launch_type or "FARGATE",
            "stopCode": task.stop_code,
            "stoppedReason": task.stopped_reason,
            "containers": [_present(about_container)],
        }
        event = {
            "Source": "aws.ecs",
            "DetailType": "ECS Task State Change",
            "Resources": [task.task_arn],
            "Detail": json.dumps(_present(detail)),
        }
        backend = events_backends[self._backend.account_id][self._backend.region_name]
        with suppress(Exception):  # a rule's broken target is no business of the task's
            backend.put_events([event])


def _present(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in (None, "")}
