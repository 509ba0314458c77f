"""What Prefect's work pool needs to run flows on Fargate, and what those flows may do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_ecs as ecs

from stacks.constructs.contract import publish
from stacks.constructs.flow_permissions import grant_flows
from stacks.constructs.flow_task import FlowTask
from stacks.constructs.grants import grant
from stacks.constructs.names import secret_arns
from stacks.constructs.pusher import Pusher
from stacks.constructs.task_events import TaskEvents
from stacks.permissions import PREFECT_KEY, SWEEP

if TYPE_CHECKING:
    from constructs import Construct

    from stacks.data import DataStack
    from stacks.packaging import CodeFor
    from wickie.config import Config, Network


class WorkPoolStack(Stack):
    """Costs nothing while no flow runs; nothing in it listens to the network."""

    def __init__(
        self,
        scope: Construct,
        config: Config,
        data: DataStack,
        network: Network,
        code_for: CodeFor,
    ) -> None:
        super().__init__(
            scope, f"WickieWorkPool-{config.stage}", description="wickie: where flows run"
        )
        cluster = ecs.CfnCluster(
            self,
            "Cluster",
            cluster_settings=[
                ecs.CfnCluster.ClusterSettingsProperty(name="containerInsights", value="enabled")
            ],
        )
        cluster.apply_removal_policy(RemovalPolicy.DESTROY)
        self.cluster = cluster.ref
        self.task = task = FlowTask(self, "Flow", config)
        grant_flows(task.task_role, config, data)
        tasks = self.format_arn(service="ecs", resource="task", resource_name=f"{cluster.ref}/*")
        grant(task.task_role, SWEEP, {"ecs": [tasks]})
        if config.prefect:
            # The agent that starts a container hands it the key; what runs in it has no such right.
            keys = {"secretsmanager": secret_arns(self, config.prefect.keys)}
            grant(task.execution_role, PREFECT_KEY, keys)
        self.events = TaskEvents(
            self, "TaskEvents", stage=config.stage, cluster_arn=cluster.attr_arn
        )
        work_pool = {
            "pool_name": f"wickie-{config.stage}",
            "cluster": cluster.ref,
            "execution_role_arn": task.execution_role.role_arn,
            "task_role_arn": task.task_role.role_arn,
            "image": config.image,
            "vpc_id": network.vpc_id,
            "subnets": list(network.subnets),
            "security_groups": list(network.security_groups),
            "assign_public_ip": network.assign_public_ip,
            "log_group": task.log_group.log_group_name,
            "family": task.family,
            "region": self.region,
        }
        if config.pusher:
            pusher = Pusher(
                self, "Pusher", config=config, cluster=cluster.ref, task=task, code_for=code_for
            )
            work_pool |= {"pusher_role_arn": pusher.role_arn} if pusher.role_arn else {}
        publish(self, config.stage, "work_pool", self.to_json_string(work_pool))
