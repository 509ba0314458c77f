"""The container that flows run in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from wickie.config.network import ECR

if TYPE_CHECKING:
    from wickie.config import Config

# A pair that Fargate offers: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html
_CPU: Final = 1024
_MEMORY_MIB: Final = 2048
_USER: Final = "10001"  # the user that the Dockerfile makes
_SCRATCH: Final = "/tmp"  # noqa: S108  (the container's own)


class FlowTask(Construct):
    """
    Task definition, its two roles and its log group.

    Prefect's worker registers further revisions in `family`, with these roles; this first one
    is what they should look like, and runs a flow by hand.
    """

    def __init__(self, scope: Construct, id_: str, config: Config) -> None:
        super().__init__(scope, id_)
        self.family = f"wickie-{config.stage}-flows"
        self.log_group = logs.LogGroup(
            self,
            "Log",
            log_group_name=f"/wickie/{config.stage}/flows",
            retention=logs.RetentionDays.THREE_MONTHS,
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.execution_role = task_role(self, "ExecutionRole", "starts the containers of flows")
        let_start(self.execution_role, config.image, self.log_group)
        self.task_role = task_role(
            self, "TaskRole", "what flows may do; never read a secret's value"
        )
        self._define(config.image)

    def _define(self, image: str) -> None:
        task = ecs.FargateTaskDefinition(
            self,
            "Definition",
            family=self.family,
            cpu=_CPU,
            memory_limit_mib=_MEMORY_MIB,
            execution_role=self.execution_role.without_policy_updates(),
            task_role=self.task_role.without_policy_updates(),
            volumes=[ecs.Volume(name="scratch")],
        )
        container = task.add_container(
            "prefect",
            image=ecs.ContainerImage.from_registry(image),
            user=_USER,
            readonly_root_filesystem=True,
            logging=ecs.LogDriver.aws_logs(stream_prefix="flows", log_group=self.log_group),
        )
        container.add_mount_points(
            ecs.MountPoint(container_path=_SCRATCH, source_volume="scratch", read_only=False)
        )


def task_role(scope: Construct, id_: str, description: str) -> iam.Role:
    """A role that ECS takes for tasks of this account."""
    principal = iam.ServicePrincipal(
        "ecs-tasks.amazonaws.com",
        conditions={"StringEquals": {"aws:SourceAccount": Stack.of(scope).account}},
    )
    return iam.Role(scope, id_, assumed_by=principal, description=f"wickie: {description}")


def let_start(role: iam.Role, image: str, log_group: logs.ILogGroup) -> None:
    """Let ECS, as `role`, pull `image` where that is in ECR, and write a container's log."""

    def allow(actions: list[str], resource: str) -> None:
        role.add_to_policy(iam.PolicyStatement(actions=actions, resources=[resource]))

    allow(["logs:CreateLogStream", "logs:PutLogEvents"], log_group.log_group_arn)
    if match := ECR.match(image):
        account, region, repository = match.groups()
        allow(
            [
                "ecr:BatchCheckLayerAvailability",
                "ecr:BatchGetImage",
                "ecr:GetDownloadUrlForLayer",
            ],
            Stack.of(role).format_arn(
                service="ecr",
                account=account,
                region=region,
                resource="repository",
                resource_name=repository,
            ),
        )
        allow(["ecr:GetAuthorizationToken"], "*")
