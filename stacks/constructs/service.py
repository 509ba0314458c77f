"""One container that is always on: an ECS service of a single task on Fargate."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from aws_cdk import Duration
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_logs as logs
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from stacks.constructs.flow_task import let_start, task_role
from stacks.constructs.grants import grant
from stacks.permissions import EXEC, PREFECT_KEY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wickie.config import Network

_SCRATCH: Final = "/tmp"  # noqa: S108  (the container's own)
_USER: Final = "10001"


@dataclass(frozen=True)
class Container:
    """What runs, and how ECS sees that it is well."""

    image: str
    command: tuple[str, ...]
    health: str
    """URL within the container that answers while it is."""
    environment: Mapping[str, str]
    cpu: int
    memory: int
    secrets: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """By variable, the ARN of a secret and a key of its JSON; no key is the whole text."""
    exec: bool = False
    """Whether Session Manager may enter it."""
    ours: bool = True
    """Whether the image lets its user write below /tmp where a volume is mounted: wickie's does.
    The disk of another is not read-only; its user may write there below /tmp all the same."""


class Service(Construct):
    """
    Never two tasks at once: the old one is stopped before the new one is started.

    Prefect's server does not share its work among several without Redis, and a second worker of
    one name is the same worker to it. A deployment whose task is not well is rolled back.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        name: str,
        cluster: ecs.CfnCluster,
        container: Container,
        network: Network,
        log_group: logs.LogGroup,
        registry: str | None = None,
    ) -> None:
        super().__init__(scope, id_)
        self._container = container
        execution = task_role(self, "ExecutionRole", f"starts Prefect's {name}")
        let_start(execution, container.image, log_group)
        arns = dict.fromkeys(arn for arn, _ in container.secrets.values())
        grant(execution, PREFECT_KEY, {"secretsmanager": list(arns)})
        self.role = task_role(self, "TaskRole", f"what Prefect's {name} may do")
        if container.exec:
            grant(self.role, EXEC, {})
        definition = ecs.FargateTaskDefinition(
            self,
            "Definition",
            family=f"{cluster.cluster_name}-{name}",
            cpu=container.cpu,
            memory_limit_mib=container.memory,
            execution_role=execution.without_policy_updates(),
            task_role=self.role.without_policy_updates(),
            volumes=[ecs.Volume(name="scratch")] if container.ours else None,
        )
        self._add(definition, name, log_group)
        self.service = ecs.CfnService(
            self,
            "Service",
            service_name=name,
            cluster=cluster.ref,
            task_definition=definition.task_definition_arn,
            desired_count=1,
            launch_type="FARGATE",
            enable_execute_command=container.exec,
            propagate_tags="SERVICE",
            deployment_configuration=ecs.CfnService.DeploymentConfigurationProperty(
                minimum_healthy_percent=0,
                maximum_percent=100,
                deployment_circuit_breaker=ecs.CfnService.DeploymentCircuitBreakerProperty(
                    enable=True, rollback=True
                ),
            ),
            network_configuration=ecs.CfnService.NetworkConfigurationProperty(
                awsvpc_configuration=ecs.CfnService.AwsVpcConfigurationProperty(
                    subnets=list(network.subnets),
                    security_groups=list(network.security_groups),
                    assign_public_ip="ENABLED" if network.assign_public_ip else "DISABLED",
                )
            ),
            service_registries=[ecs.CfnService.ServiceRegistryProperty(registry_arn=registry)]
            if registry
            else None,
        )
        # ECS starts the task as these at once, and a refused pull would count against it.
        self.service.node.add_dependency(execution, self.role)

    def _add(
        self, definition: ecs.FargateTaskDefinition, name: str, log_group: logs.LogGroup
    ) -> None:
        wanted = self._container
        ask = f"import urllib.request as r; r.urlopen('{wanted.health}', timeout=4)"
        container = definition.add_container(
            name,
            image=ecs.ContainerImage.from_registry(wanted.image),
            command=list(wanted.command),
            environment={"HOME": _SCRATCH, "PREFECT_HOME": "~/.prefect", **wanted.environment},
            secrets={
                variable: self._secret(variable, arn, key)
                for variable, (arn, key) in wanted.secrets.items()
            },
            user=_USER,
            readonly_root_filesystem=wanted.ours,
            health_check=ecs.HealthCheck(
                command=["CMD", "python", "-c", ask],
                interval=Duration.seconds(15),
                timeout=Duration.seconds(10),
                retries=4,
                # A first start migrates the database, a hundred steps.
                start_period=Duration.seconds(240),
            ),
            logging=ecs.LogDriver.aws_logs(stream_prefix=name, log_group=log_group),
            linux_parameters=ecs.LinuxParameters(self, "Linux", init_process_enabled=True),
        )
        if wanted.ours:
            container.add_mount_points(
                ecs.MountPoint(container_path=_SCRATCH, source_volume="scratch", read_only=False)
            )

    def _secret(self, variable: str, arn: str, key: str) -> ecs.Secret:
        named = secretsmanager.Secret.from_secret_complete_arn(self, variable, arn)
        return ecs.Secret.from_secrets_manager(named, key or None)
