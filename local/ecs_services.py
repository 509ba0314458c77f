"""ECS services: the desired number of tasks kept running, and rolling deployments of them."""

from __future__ import annotations

import math
import secrets
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from moto.core.utils import utcnow

from local import cloudmap
from local.world import current

_BY_SCHEDULER = "ServiceSchedulerInitiated"
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html
_BREAKER_AT_LEAST, _BREAKER_AT_MOST = 3, 200
_LONGEST_PAUSE = 10.0
"""Seconds between starts of a task that dies again and again; AWS waits up to 15 minutes."""
_FAILED_SHOWN = 10.0
"""Seconds a failed deployment is listed after its roll-back, which in AWS takes that long."""


@dataclass
class Deployment:
    """One roll-out of a service's task definition; `tasks` are moto's, until they stopped."""

    definition: str
    id: str = field(default_factory=lambda: f"ecs-svc/{secrets.randbelow(10**19):019}")
    state: str = "IN_PROGRESS"
    reason: str = ""
    tasks: list[Any] = field(default_factory=list)
    failed: int = 0
    """How many tasks have failed since one was last good."""
    completed: bool = False
    not_before: float = 0.0
    """When the next task may be started, by the monotonic clock."""
    shown_until: float = 0.0
    created: Any = field(default_factory=utcnow)
    updated: Any = field(default_factory=utcnow)

    def become(self, state: str, reason: str) -> None:
        """Enter a roll-out state."""
        self.state, self.reason, self.updated = state, reason, utcnow()

    @property
    def alive(self) -> list[Any]:
        """Tasks that are there to stay."""
        return [t for t in self.tasks if t.desired_status == "RUNNING"]

    @property
    def healthy(self) -> list[Any]:
        """Tasks that the service may count on."""
        return [t for t in self.tasks if t.process.healthy]

    def running(self) -> int:
        """How many tasks are RUNNING, wanted or not."""
        return sum(t.last_status == "RUNNING" for t in self.tasks)


class ServiceScheduler:
    """Keeps one service as it is wanted, in a thread woken by every change of its tasks."""

    def __init__(self, backend: Any, service: Any) -> None:
        self._world = current()
        self._backend = backend
        self._service = service
        self._lock = threading.RLock()
        self._changed = threading.Event()
        self._deployments: list[Deployment] = []
        """The first is the PRIMARY one."""
        name = f"ecs-service-{service.name}"
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def deploy(self) -> None:
        """Roll the service's task definition out: secrets are resolved anew for each task."""
        with self._lock:
            new = Deployment(self._service.task_definition)
            new.become("IN_PROGRESS", f"ECS deployment {new.id} in progress.")
            self._deployments = [new, *self._deployments]
            self._show()
        if not self._thread.is_alive():
            self._thread.start()
        self.wake()

    def wake(self) -> None:
        """Look at the service now."""
        self._changed.set()

    def _run(self) -> None:
        while not self._world.stopping.is_set():
            with self._lock:
                self._reconcile()
                if self._service.status == "DRAINING" and not any(
                    d.tasks for d in self._deployments
                ):
                    self._service.status = "INACTIVE"
                    return
            self._changed.wait(0.1)
            self._changed.clear()

    def _reconcile(self) -> None:
        for deployment in self._deployments:
            self._drop_stopped(deployment)
        self._break_circuit()
        self._start_missing()
        self._stop_surplus()
        self._settle()
        self._show()
        running = any(d.running() for d in self._deployments)
        cloudmap.announce(self._world, self._service, running=running)

    def _drop_stopped(self, deployment: Deployment) -> None:
        """Forget tasks that have stopped, and count those that were not meant to."""
        for task in deployment.alive:
            if task.process.unhealthy:
                task.process.stop(_BY_SCHEDULER, "Task failed container health checks")
                self._count_failure(deployment, task)
        for task in [t for t in deployment.tasks if t.last_status == "STOPPED"]:
            deployment.tasks.remove(task)
            if task.stop_code not in (_BY_SCHEDULER, "UserInitiated"):
                self._count_failure(deployment, task)
        if deployment.healthy:
            deployment.failed = 0

    def _count_failure(self, deployment: Deployment, task: Any) -> None:
        self._tell(f"(task {task.id}) failed: {task.stopped_reason}")
        if task.process.was_healthy:
            return
        deployment.failed += 1
        pause = min(0.1 * 2**deployment.failed, _LONGEST_PAUSE)
        deployment.not_before = time.monotonic() + pause

    def _break_circuit(self) -> None:
        """Give a deployment up whose tasks fail again and again, and go back to the last good."""
        primary = self._deployments[0]
        breaker = self._configuration.get("deploymentCircuitBreaker", {})
        threshold = math.ceil(self._service.desired_count / 2)
        threshold = max(_BREAKER_AT_LEAST, min(threshold, _BREAKER_AT_MOST))
        in_time = primary.state == "IN_PROGRESS" and primary.failed >= threshold
        if not (breaker.get("enable") and in_time):
            return
        primary.become("FAILED", "ECS deployment circuit breaker: tasks failed to start.")
        self._tell(f"(deployment {primary.id}) deployment failed: tasks failed to start.")
        good = next((d for d in self._deployments if d.completed), None)
        if breaker.get("rollback") and good:
            primary.shown_until = time.monotonic() + _FAILED_SHOWN
            reason = f"ECS deployment circuit breaker: rolling back to deploymentId {good.id}."
            good.become("IN_PROGRESS", reason)
            self._tell(f"rolling back to deployment {good.id}.")
            self._deployments.remove(good)
            self._deployments.insert(0, good)

    def _start_missing(self) -> None:
        primary = self._deployments[0]
        if primary.state == "FAILED" or time.monotonic() < primary.not_before:
            return
        desired = self._service.desired_count
        most = math.floor(desired * self._configuration.get("maximumPercent", 200) / 100)
        room = most - sum(len(d.alive) for d in self._deployments)
        for _ in range(min(desired - len(primary.alive), room)):
            try:
                [task] = self._backend.run_task(
                    self._service.cluster_name,
                    primary.definition,
                    1,
                    None,
                    primary.id,
                    None,
                    "FARGATE",
                    self._service.network_configuration or None,
                    group=f"service:{self._service.name}",
                )
            except Exception as error:  # noqa: BLE001  (a service outlives whatever moto refuses)
                self._tell(f"was unable to place a task: {error}")
                primary.failed += 1
                primary.not_before = time.monotonic() + min(2**primary.failed, _LONGEST_PAUSE)
                return
            task.process.changed = self.wake
            primary.tasks.append(task)

    def _stop_surplus(self) -> None:
        """Stop what is too much, never going below the minimum of healthy tasks."""
        primary, *old = self._deployments
        desired = self._service.desired_count
        least = math.ceil(desired * self._configuration.get("minimumHealthyPercent", 100) / 100)
        reason = f"Scaling activity initiated by (deployment {primary.id})"
        for task in primary.alive[desired:]:
            task.process.stop(_BY_SCHEDULER, reason)
        healthy = sum(len(d.healthy) for d in self._deployments)
        for deployment in old:
            for task in deployment.alive:
                counts = task.process.healthy
                if healthy - counts >= least or task.last_status != "RUNNING":
                    task.process.stop(_BY_SCHEDULER, reason)
                    healthy -= counts

    def _settle(self) -> None:
        """Complete the roll-out once only its tasks are left and as many as wanted are good."""
        primary, *old = self._deployments
        now = time.monotonic()
        self._deployments = [primary, *(d for d in old if d.tasks or now < d.shown_until)]
        good = len(primary.healthy) == self._service.desired_count == len(primary.tasks)
        if primary.state == "IN_PROGRESS" and good and not any(d.tasks for d in old):
            primary.completed = True
            primary.become("COMPLETED", f"ECS deployment {primary.id} completed.")
            self._tell(f"(deployment {primary.id}) deployment completed.")
            self._tell("has reached a steady state.")

    @property
    def _configuration(self) -> dict[str, Any]:
        return getattr(self._service, "deployment_configuration", None) or {}

    def _tell(self, message: str) -> None:
        event = {
            "id": secrets.token_hex(16),
            "createdAt": utcnow(),
            "message": f"(service {self._service.name}) {message}",
        }
        self._service.events = [event, *self._service.events][:100]

    def _show(self) -> None:
        """Write everything to where moto describes the service from."""
        service = self._service
        service.task_definition = self._deployments[0].definition
        service.deployments = [
            self._described(d, "ACTIVE" if i else "PRIMARY")
            for i, d in enumerate(self._deployments)
        ]
        service.running_count = sum(d.running() for d in self._deployments)
        service.pending_count = sum(d["pendingCount"] for d in service.deployments)

    def _described(self, deployment: Deployment, status: str) -> dict[str, Any]:
        wanted = deployment.state != "FAILED" and status == "PRIMARY"
        return {
            "id": deployment.id,
            "status": status,
            "taskDefinition": deployment.definition,
            "desiredCount": self._service.desired_count if wanted else len(deployment.alive),
            "pendingCount": len(deployment.tasks) - deployment.running(),
            "runningCount": deployment.running(),
            "failedTasks": deployment.failed,
            "createdAt": deployment.created,
            "updatedAt": deployment.updated,
            "launchType": "FARGATE",
            "networkConfiguration": self._service.network_configuration or None,
            "rolloutState": deployment.state,
            "rolloutStateReason": deployment.reason,
        }
