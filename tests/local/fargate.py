"""What the ECS tests share: a cluster in a network of its own, and calls to it."""

from __future__ import annotations

import secrets
from typing import Any

from local.server import LocalAws
from tests.until import until


class Fargate:
    """A cluster in a network of its own, with the calls that these tests make."""

    def __init__(self, aws: LocalAws) -> None:
        self.aws = aws
        self.ecs = aws.world.client("ecs")
        ec2 = aws.world.client("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]  # without DNS hostnames
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.1.0/24")["Subnet"]["SubnetId"]
        self.network = {"awsvpcConfiguration": {"subnets": [subnet]}}  # without security groups
        self.cluster = f"cluster-{secrets.token_hex(4)}"
        self.cluster_arn = self.ecs.create_cluster(clusterName=self.cluster)["cluster"][
            "clusterArn"
        ]

    def define(self, script: str, family: str = "", **container: Any) -> str:
        """Register a definition with memory for the task alone; returns its ARN."""
        role = container.pop("role", None)
        execution_role = container.pop("execution_role", None)
        definition = {
            "name": "main",
            "image": "none",
            "command": ["/bin/sh", "-c", script],
            **container,
        }
        answer = self.ecs.register_task_definition(
            family=family or f"family-{secrets.token_hex(4)}",
            requiresCompatibilities=["FARGATE"],
            networkMode="awsvpc",
            cpu="256",
            memory="512",
            containerDefinitions=[definition],
            **({"taskRoleArn": role} if role else {}),
            **({"executionRoleArn": execution_role} if execution_role else {}),
        )
        return str(answer["taskDefinition"]["taskDefinitionArn"])

    def run(self, definition: str, **overrides: Any) -> str:
        """Start a task; returns its ARN."""
        [task] = self.ecs.run_task(
            cluster=self.cluster,
            taskDefinition=definition,
            launchType="FARGATE",
            networkConfiguration=self.network,
            overrides={"containerOverrides": [{"name": "main", **overrides}]} if overrides else {},
        )["tasks"]
        return str(task["taskArn"])

    def task(self, arn: str) -> Any:
        return self.ecs.describe_tasks(cluster=self.cluster, tasks=[arn])["tasks"][0]

    def reached(self, arn: str, status: str) -> Any:
        until(lambda: self.task(arn)["lastStatus"] == status)
        return self.task(arn)  # moto reads its parts one after the other, while it changes

    def output(self, script: str, **container: Any) -> str:
        """What a container that runs `script` to its end has written to its log."""
        arn = self.run(self.define(script, logConfiguration=self.log(), **container))
        task = self.reached(arn, "STOPPED")
        assert task["containers"][0].get("exitCode") == 0, task
        return "\n".join(self.logged(arn))

    def log(self, **options: str) -> dict[str, Any]:
        return {
            "logDriver": "awslogs",
            "options": {
                "awslogs-group": f"/test/{self.cluster}",
                "awslogs-create-group": "true",
                "awslogs-region": "us-east-1",
                "awslogs-stream-prefix": "it",
                **options,
            },
        }

    def logged(self, arn: str) -> list[str]:
        stream = f"it/main/{arn.rsplit('/', 1)[-1]}"
        events = self.aws.world.client("logs").get_log_events(
            logGroupName=f"/test/{self.cluster}", logStreamName=stream, startFromHead=True
        )["events"]
        return [event["message"] for event in events]
