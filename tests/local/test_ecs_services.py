"""ECS services of the local AWS keep their tasks, roll out, and go back, as in AWS."""

from __future__ import annotations

import secrets
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.fargate import Fargate
from tests.until import until

pytestmark = pytest.mark.slow

STABLE = {"Delay": 1, "MaxAttempts": 120}
BREAKER = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}


def create(fargate: Fargate, definition: str, count: int = 1, **more: Any) -> Any:
    return fargate.ecs.create_service(
        cluster=fargate.cluster,
        serviceName="shop",
        taskDefinition=definition,
        desiredCount=count,
        launchType="FARGATE",
        networkConfiguration=fargate.network,
        **more,
    )["service"]


def update(fargate: Fargate, **changes: Any) -> str:
    """Change the service; returns the id of its deployment from then on."""
    service = fargate.ecs.update_service(cluster=fargate.cluster, service="shop", **changes)
    return str(service["service"]["deployments"][0]["id"])


def described(fargate: Fargate) -> Any:
    return fargate.ecs.describe_services(cluster=fargate.cluster, services=["shop"])["services"][0]


def counts(fargate: Fargate) -> tuple[int, int]:
    service = described(fargate)
    return service["runningCount"], service["pendingCount"]


def tasks(fargate: Fargate) -> list[str]:
    listed = fargate.ecs.list_tasks(cluster=fargate.cluster, serviceName="shop")
    return sorted(listed["taskArns"])


def stable(fargate: Fargate) -> Any:
    waiter = fargate.ecs.get_waiter("services_stable")
    waiter.wait(cluster=fargate.cluster, services=["shop"], WaiterConfig=STABLE)
    return described(fargate)


def completed(fargate: Fargate) -> Any:
    return until(
        lambda: (
            service
            if (service := described(fargate))["deployments"][0]["rolloutState"] == "COMPLETED"
            else None
        )
    )


def test_a_new_service_runs_as_many_tasks_as_desired_and_is_stable(fargate: Fargate) -> None:
    created = create(fargate, fargate.define("sleep 600"), count=2)
    assert created["deployments"][0]["rolloutState"] == "IN_PROGRESS"
    service = stable(fargate)
    assert (service["runningCount"], service["pendingCount"]) == (2, 0)
    assert len(tasks(fargate)) == 2
    [deployment] = completed(fargate)["deployments"]
    assert (deployment["status"], deployment["runningCount"]) == ("PRIMARY", 2)


def test_a_task_of_a_service_that_dies_is_replaced(fargate: Fargate) -> None:
    create(fargate, fargate.define("sleep 600"))
    completed(fargate)
    [first] = tasks(fargate)
    fargate.ecs.stop_task(cluster=fargate.cluster, task=first)
    until(lambda: tasks(fargate) not in ([], [first]))
    # The one that stops is RUNNING beside its successor for a moment.
    until(lambda: counts(fargate) == (1, 0))


def test_a_forced_deployment_starts_the_new_before_it_stops_the_old_and_reads_secrets_anew(
    fargate: Fargate,
) -> None:
    client = fargate.aws.world.client("secretsmanager")
    old, new = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
    arn = client.create_secret(Name=secrets.token_hex(4), SecretString=old)["ARN"]
    create(
        fargate,
        fargate.define(
            'echo "$S"; exec sleep 600',
            secrets=[{"name": "S", "valueFrom": arn}],
            logConfiguration=fargate.log(),
        ),
    )
    completed(fargate)
    [before] = tasks(fargate)
    client.put_secret_value(SecretId=arn, SecretString=new)
    deployment = update(fargate, forceNewDeployment=True)
    [after] = until(lambda: set(tasks(fargate)) - {before})
    assert fargate.task(before)["lastStatus"] == "RUNNING"  # the new one is not yet good
    service = completed(fargate)
    assert [d["id"] for d in service["deployments"]] == [deployment]
    assert tasks(fargate) == [after]
    stopped = fargate.task(before)
    assert stopped["stoppedAt"] > fargate.task(after)["startedAt"]
    assert stopped["stopCode"] == "ServiceSchedulerInitiated"
    assert (fargate.logged(before), fargate.logged(after)) == ([old], [new])


def test_a_new_task_definition_is_rolled_out(fargate: Fargate) -> None:
    create(fargate, fargate.define("sleep 600"), count=2)
    completed(fargate)
    before, definition = tasks(fargate), fargate.define("sleep 601")
    update(fargate, taskDefinition=definition)
    service = completed(fargate)
    assert service["taskDefinition"] == definition
    assert {fargate.task(t)["taskDefinitionArn"] for t in tasks(fargate)} == {definition}
    assert not set(before) & set(tasks(fargate))


def test_a_task_counts_only_once_its_health_check_passes(fargate: Fargate) -> None:
    check = {"command": ["CMD-SHELL", "test -e healthy"], "interval": 5, "retries": 2}
    create(fargate, fargate.define("sleep 600"))
    completed(fargate)
    [before] = tasks(fargate)
    script = 'cd "$HOME"; sleep 2; touch healthy; exec sleep 600'
    check["command"] = ["CMD-SHELL", 'test -e "$HOME/healthy"']
    update(fargate, taskDefinition=fargate.define(script, healthCheck=check))
    [after] = until(lambda: set(tasks(fargate)) - {before})
    fargate.reached(after, "RUNNING")
    assert fargate.task(after)["containers"][0]["healthStatus"] == "UNKNOWN"
    completed(fargate)
    assert fargate.task(after)["containers"][0]["healthStatus"] == "HEALTHY"
    seconds = fargate.task(before)["stoppedAt"] - fargate.task(after)["startedAt"]
    assert seconds.total_seconds() > 1.9


def test_a_deployment_whose_tasks_keep_failing_is_rolled_back_and_the_old_task_stays(
    fargate: Fargate,
) -> None:
    good = fargate.define("sleep 600")
    create(fargate, good, deploymentConfiguration=BREAKER)
    first = completed(fargate)["deployments"][0]["id"]
    before = tasks(fargate)
    bad = update(fargate, taskDefinition=fargate.define("exit 1"))
    failed = until(
        lambda: [d for d in described(fargate)["deployments"] if d["rolloutState"] == "FAILED"]
    )
    assert [d["id"] for d in failed] == [bad]
    service = completed(fargate)
    assert service["deployments"][0]["id"] == first
    assert service["taskDefinition"] == good
    assert tasks(fargate) == before
    assert any("deployment failed" in e["message"] for e in service["events"])


def test_without_roll_back_a_failed_deployment_stays_and_so_does_the_old_task(
    fargate: Fargate,
) -> None:
    breaker = {"deploymentCircuitBreaker": {"enable": True, "rollback": False}}
    create(fargate, fargate.define("sleep 600"), deploymentConfiguration=breaker)
    completed(fargate)
    before = tasks(fargate)
    update(fargate, taskDefinition=fargate.define("exit 1"))
    until(lambda: described(fargate)["deployments"][0]["rolloutState"] == "FAILED")
    assert tasks(fargate) == before
    assert described(fargate)["runningCount"] == 1


def test_scaled_to_zero_a_service_has_no_tasks_and_is_stable(fargate: Fargate) -> None:
    create(fargate, fargate.define("sleep 600"))
    completed(fargate)
    [task] = tasks(fargate)
    update(fargate, desiredCount=0)
    fargate.reached(task, "STOPPED")
    assert stable(fargate)["runningCount"] == 0
    assert tasks(fargate) == []


def test_a_deleted_service_stops_its_tasks_and_is_inactive(fargate: Fargate) -> None:
    create(fargate, fargate.define("sleep 600"))
    completed(fargate)
    [task] = tasks(fargate)
    with pytest.raises(ClientError, match="scaled above 0"):
        fargate.ecs.delete_service(cluster=fargate.cluster, service="shop")
    fargate.ecs.delete_service(cluster=fargate.cluster, service="shop", force=True)
    fargate.reached(task, "STOPPED")
    until(lambda: described(fargate)["status"] == "INACTIVE")
    assert fargate.ecs.list_services(cluster=fargate.cluster)["serviceArns"] == []
    create(fargate, fargate.define("sleep 600"), count=0)  # the name is free again


def test_a_running_services_name_is_taken(fargate: Fargate) -> None:
    create(fargate, fargate.define("sleep 600"), count=0)
    with pytest.raises(ClientError, match="not idempotent"):
        create(fargate, fargate.define("sleep 600"), count=0)
