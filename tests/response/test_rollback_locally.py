"""A service of the local AWS, whose tasks are processes, goes back to an earlier image."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from local.server import LocalAws
from tests.local.fargate import Fargate
from tests.response.paper import digest, image
from tests.until import until
from wickie.asking import Patience
from wickie.response.action import OutcomeState, Plan
from wickie.response.condemned import Condemned
from wickie.response.ecs_rollback import EcsRollback
from wickie.response.runner import carry_out, take_back

pytestmark = pytest.mark.slow

BREAKER = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}
RUN, DIE = "exec sleep 600", "exit 1"


@pytest.fixture(scope="module")
def aws() -> Iterator[LocalAws]:
    with LocalAws() as aws:
        yield aws


class Shop:
    """A service that runs image `b`; what its predecessor `a` does is told by a script."""

    def __init__(self, aws: LocalAws, before: str, **more: Any) -> None:
        self.fargate = Fargate(aws)
        family = f"shop-{self.fargate.cluster}"
        self.old = self.fargate.define(before, family, image=image("a"))
        self.new = self.fargate.define(RUN, family, image=image("b"))
        self.fargate.ecs.create_service(
            cluster=self.fargate.cluster,
            serviceName="shop",
            taskDefinition=self.new,
            desiredCount=1,
            launchType="FARGATE",
            networkConfiguration=self.fargate.network,
            **more,
        )
        until(lambda: self.described()["deployments"][0]["rolloutState"] == "COMPLETED")
        condemned = Condemned({digest("b"): "b is bad"})
        self.action = EcsRollback(
            self.fargate.ecs, self.fargate.cluster, "shop", condemned, Patience(60)
        )

    def plan(self) -> Plan:
        plan = self.action.plan()
        assert plan
        return plan

    def described(self) -> Any:
        found = self.fargate.ecs.describe_services(cluster=self.fargate.cluster, services=["shop"])
        return found["services"][0]

    def running(self) -> list[str]:
        """The definitions of the tasks that run."""
        ecs, cluster = self.fargate.ecs, self.fargate.cluster
        arns = ecs.list_tasks(cluster=cluster, serviceName="shop")["taskArns"]
        tasks = ecs.describe_tasks(cluster=cluster, tasks=arns)["tasks"]
        return [task["taskDefinitionArn"] for task in tasks if task["lastStatus"] == "RUNNING"]


def test_a_service_runs_the_old_image_afterwards_and_the_new_one_again_when_undone(
    aws: LocalAws,
) -> None:
    shop = Shop(aws, RUN)
    plan = shop.plan()
    outcome = carry_out(shop.action, plan)
    assert outcome.state is OutcomeState.DONE, outcome.detail
    assert shop.running() == [shop.old]
    assert shop.action.plan() is None
    outcome = take_back(shop.action, plan)
    assert outcome.state is OutcomeState.DONE, outcome.detail
    assert shop.running() == [shop.new]


@pytest.mark.parametrize("breaker", [True, False], ids=["circuit breaker", "none"])
def test_a_service_whose_old_image_does_not_come_up_runs_the_new_one_again(
    aws: LocalAws, breaker: bool
) -> None:
    shop = Shop(aws, DIE, **({"deploymentConfiguration": BREAKER} if breaker else {}))
    [task] = shop.fargate.ecs.list_tasks(cluster=shop.fargate.cluster)["taskArns"]
    outcome = carry_out(shop.action, shop.plan())
    assert outcome.state is OutcomeState.UNDONE, outcome.detail
    assert "failed" in outcome.detail
    assert shop.described()["taskDefinition"] == shop.new
    assert shop.running() == [shop.new]
    # ECS's own way back keeps the task; ours deploys anew, and stops it once the next one is up.
    assert (shop.fargate.task(task)["lastStatus"] == "RUNNING") is breaker
