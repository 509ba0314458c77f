"""ECS on paper: one service and its family, and what becomes of each revision that is deployed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.patience import BRIEF
from wickie.response.condemned import Condemned
from wickie.response.ecs_rollback import EcsRollback

FAMILY = "arn:aws:ecs:us-east-1:123456789012:task-definition/shop:"


def digest(letter: str) -> str:
    return f"sha256:{letter * 64}"


def image(letter: str, name: str = "shop") -> str:
    return f"registry.example.com/{name}@{digest(letter)}"


@dataclass
class Ecs:
    """
    A service `main/shop` at the newest of its revisions, each registered an hour after the other.

    A revision of `failing` never gets a task up; with `breaker` the service then goes back.
    """

    revisions: list[list[str]]
    failing: frozenset[int] = frozenset()
    breaker: bool = False
    age: timedelta = timedelta(hours=1)
    running: Mapping[str, str] = field(default_factory=dict)
    """Digest of what runs, by the reference of its image."""
    controller: str = "ECS"
    deployed: list[int] = field(default_factory=list)
    deployments: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._become(len(self.revisions))

    def _become(self, revision: int) -> None:
        deployment = {"status": "PRIMARY", "taskDefinition": f"{FAMILY}{revision}"}
        if revision not in self.failing:
            self.deployments = [deployment | {"rolloutState": "COMPLETED"}]
        elif self.breaker:
            failed = deployment | {"status": "ACTIVE", "rolloutState": "FAILED", "failedTasks": 3}
            failed["rolloutStateReason"] = "circuit breaker"
            self.deployments = [*self.deployments, failed]
        else:
            old = [d | {"status": "ACTIVE"} for d in self.deployments]
            self.deployments = [deployment | {"failedTasks": 3}, *old]

    @property
    def current(self) -> int:
        """The revision that is PRIMARY."""
        primary = next(d for d in self.deployments if d["status"] == "PRIMARY")
        return int(primary["taskDefinition"].rpartition(":")[2])

    def describe_services(self, *, cluster: str, services: list[str]) -> Any:
        if (cluster, services) != ("main", ["shop"]):
            return {"services": []}
        service = {
            "status": "ACTIVE",
            "taskDefinition": f"{FAMILY}{self.current}",
            "deployments": self.deployments,
            "deploymentController": {"type": self.controller},
        }
        return {"services": [service]}

    def describe_task_definition(self, *, taskDefinition: str) -> Any:  # noqa: N803  (AWS's name)
        revision = int(taskDefinition.rpartition(":")[2])
        age = self.age + timedelta(hours=len(self.revisions) - revision)
        images = self.revisions[revision - 1]
        definition = {
            "taskDefinitionArn": taskDefinition,
            "family": "shop",
            "revision": revision,
            "registeredAt": datetime.now(UTC) - age,
            "containerDefinitions": [{"image": each} for each in images],
        }
        return {"taskDefinition": definition}

    def get_paginator(self, name: str) -> Any:
        assert name == "list_task_definitions"
        return self

    def paginate(self, *, familyPrefix: str, status: str, sort: str) -> Iterator[Any]:  # noqa: N803  (AWS's name)
        assert (familyPrefix, status, sort) == ("shop", "ACTIVE", "DESC")
        for revision in range(len(self.revisions), 0, -1):
            yield {"taskDefinitionArns": [f"{FAMILY}{revision}"]}

    def update_service(self, *, cluster: str, service: str, taskDefinition: str) -> None:  # noqa: N803  (AWS's name)
        assert (cluster, service) == ("main", "shop")
        revision = int(taskDefinition.rpartition(":")[2])
        self.deployed.append(revision)
        self._become(revision)

    def list_tasks(self, **_: Any) -> Any:
        return {"taskArns": ["task"]}

    def describe_tasks(self, **_: Any) -> Any:
        containers = [{"image": ref, "imageDigest": d} for ref, d in self.running.items()]
        arn = f"{FAMILY}{self.current}"
        return {"tasks": [{"taskDefinitionArn": arn, "containers": containers}]}


def rollback(ecs: Ecs, *bad: str, younger_than: timedelta = timedelta(days=7)) -> EcsRollback:
    """The rollback of that service, where the builds of these letters are condemned."""
    condemned = Condemned({digest(letter): f"{letter} is bad" for letter in bad}, younger_than)
    paper: Any = ecs
    return EcsRollback(paper, "main", "shop", condemned, BRIEF)
