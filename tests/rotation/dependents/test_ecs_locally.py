"""A service of the local AWS, whose tasks are processes, starts anew with the new value."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from local.server import LocalAws
from tests.local.fargate import Fargate
from wickie.asking import Patience
from wickie.model import DependentState
from wickie.rotation.dependents.ecs_service import EcsService
from wickie.rotation.discovery import undeclared

pytestmark = pytest.mark.slow


class OfFargate:
    """Clients of the local AWS."""

    def __init__(self, aws: LocalAws) -> None:
        client = aws.world.client
        self.ecs, self.lambda_, self.rds = (client(name) for name in ("ecs", "lambda", "rds"))
        self.secrets_manager: Any = client("secretsmanager")


@pytest.fixture(scope="module")
def aws() -> Iterator[LocalAws]:
    with LocalAws() as aws:
        yield aws


@pytest.fixture
def fargate(aws: LocalAws) -> Fargate:
    return Fargate(aws)


@pytest.fixture
def arn(aws: LocalAws) -> str:
    client = aws.world.client("secretsmanager")
    name, value = secrets.token_hex(4), secrets.token_urlsafe(24)
    return str(client.create_secret(Name=name, SecretString=value)["ARN"])


def serve(fargate: Fargate, arn: str, script: str) -> EcsService:
    definition = fargate.define(
        script, secrets=[{"name": "S", "valueFrom": arn}], logConfiguration=fargate.log()
    )
    fargate.ecs.create_service(
        cluster=fargate.cluster,
        serviceName="shop",
        taskDefinition=definition,
        desiredCount=1,
        launchType="FARGATE",
        networkConfiguration=fargate.network,
    )
    return EcsService(fargate.ecs, fargate.cluster, "shop", "a1", Patience(60))


def tasks(fargate: Fargate) -> set[str]:
    listed = fargate.ecs.list_tasks(cluster=fargate.cluster, serviceName="shop")
    return set(listed["taskArns"])


def test_a_refreshed_service_has_read_the_new_value_and_is_not_refreshed_twice(
    fargate: Fargate, arn: str
) -> None:
    service = serve(fargate, arn, 'echo "$S"; exec sleep 600')
    assert service.refresh("v1").state is DependentState.REFRESHED
    before, value = tasks(fargate), secrets.token_urlsafe(24)
    fargate.aws.world.client("secretsmanager").put_secret_value(SecretId=arn, SecretString=value)
    assert service.refresh("v2").state is DependentState.REFRESHED
    [task] = tasks(fargate)
    assert {task}.isdisjoint(before)
    assert fargate.logged(task) == [value]
    assert service.refresh("v2").state is DependentState.REFRESHED
    assert tasks(fargate) == {task}


def test_a_service_that_cannot_start_with_the_new_value_is_unhealthy_and_the_old_task_stays(
    fargate: Fargate, arn: str
) -> None:
    client = fargate.aws.world.client("secretsmanager")
    client.put_secret_value(SecretId=arn, SecretString="good")
    service = serve(fargate, arn, 'test "$S" = good && exec sleep 600')
    assert service.refresh("v1").state is DependentState.REFRESHED
    before = tasks(fargate)
    client.put_secret_value(SecretId=arn, SecretString="bad")
    outcome = service.refresh("v2")
    assert outcome.state is DependentState.UNHEALTHY
    assert "of its new tasks failed" in outcome.detail
    assert before <= tasks(fargate)


def test_who_runs_with_a_secret_is_discovered(aws: LocalAws, fargate: Fargate, arn: str) -> None:
    serve(fargate, arn, "exec sleep 600")
    clients: Any = OfFargate(aws)
    found = undeclared(clients, arn, [])
    assert [use.entry for use in found.uses] == [
        {"kind": "ecs-service", "cluster": fargate.cluster, "service": "shop"}
    ]
    assert not found.gaps
