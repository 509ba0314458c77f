"""A Prefect server of the stage's own, its database, and the worker that starts flows for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aws_cdk import CrossStackReferences, ReferenceStrength, RemovalPolicy, Stack
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_logs as logs
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_servicediscovery as servicediscovery

from stacks.constructs.database import Database, closed_group
from stacks.constructs.grants import grant
from stacks.constructs.service import Container, Service
from stacks.constructs.submission import let_submit
from stacks.permissions import OBSERVE
from wickie.config.prefect import PORT, cluster_name
from wickie.https import INSIDE

if TYPE_CHECKING:
    from constructs import Construct

    from stacks.data import DataStack
    from stacks.work_pool import WorkPoolStack
    from wickie.config import Config, Network
    from wickie.config.prefect import Prefect, Server

_HEALTH_PORT: Final = 8080
_SERVER_SIZE: Final = (512, 1024)
_WORKER_SIZE: Final = (256, 512)
_QUIET: Final = {"PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1"}


class PrefectStack(Stack):
    """
    Made before flows are registered with it; it answers wickie's functions and flows alone.

    It is found by a name in a private zone, at 50 cents a month where an internal load balancer is
    sixteen dollars: there is one server, so there is nothing to balance.
    """

    def __init__(
        self,
        scope: Construct,
        config: Config,
        prefect: Prefect,
        server: Server,
        *,
        network: Network,
        data: DataStack,
        work_pool: WorkPoolStack,
    ) -> None:
        super().__init__(
            scope,
            f"WickiePrefect-{config.stage}",
            description="wickie: Prefect's server and worker",
        )
        # What others make may be replaced without first asking this stack to let go of it.
        CrossStackReferences.of(self).consume(ReferenceStrength.WEAK)
        self._config, self._prefect, self._network = config, prefect, network
        self._cluster = self._add_cluster()
        self._log_group = logs.LogGroup(
            self,
            "Log",
            log_group_name=f"/wickie/{config.stage}/prefect",
            retention=logs.RetentionDays.THREE_MONTHS,
            removal_policy=RemovalPolicy.DESTROY,
        )
        self._auth = secretsmanager.CfnSecret(
            self,
            "Auth",
            name=prefect.auth_string_secret,
            description=f"wickie {config.stage}: what Prefect's server knows its clients by",
            generate_secret_string=secretsmanager.CfnSecret.GenerateSecretStringProperty(
                password_length=40, exclude_punctuation=True
            ),
        )
        self._auth.apply_removal_policy(RemovalPolicy.DESTROY)
        self.database = Database(
            self,
            "Database",
            config=config,
            server=server,
            network=network,
            key_arn=data.key_arn,
        )
        started = self._add_server(server)
        worker = self._add_worker(work_pool)
        worker.service.node.add_dependency(started.service)

    def of_its_clients(self, network: Network) -> Network:
        """The same network, for who asks the database too: it is in the group that is let in."""
        groups = (*network.security_groups, self.database.clients)
        return network.model_copy(update={"security_groups": groups})

    def _add_cluster(self) -> ecs.CfnCluster:
        cluster = ecs.CfnCluster(
            self,
            "Cluster",
            cluster_name=cluster_name(self._config.stage),
            cluster_settings=[
                ecs.CfnCluster.ClusterSettingsProperty(name="containerInsights", value="enabled")
            ],
        )
        cluster.apply_removal_policy(RemovalPolicy.DESTROY)
        return cluster

    def _registry(self) -> str:
        """By its name the one server is found."""
        name, _, zone = INSIDE.format(stage=self._config.stage).partition(".")
        namespace = servicediscovery.CfnPrivateDnsNamespace(
            self, "Zone", name=zone, vpc=self._network.vpc_id or ""
        )
        record = servicediscovery.CfnService.DnsRecordProperty(type="A", ttl=10)
        found = servicediscovery.CfnService(
            self,
            "Name",
            name=name,
            namespace_id=namespace.attr_id,
            dns_config=servicediscovery.CfnService.DnsConfigProperty(dns_records=[record]),
            health_check_custom_config=servicediscovery.CfnService.HealthCheckCustomConfigProperty(
                failure_threshold=1
            ),
        )
        return str(found.attr_arn)

    def _add_server(self, server: Server) -> Service:
        group = closed_group(
            self,
            "Group",
            self._network,
            "wickie: a Prefect server for functions and flows",
            sources=self._network.security_groups,
            port=PORT,
        )
        mine = self.of_its_clients(self._network)
        database, signs_in = self.database.instance, self.database.secret.ref
        here = f"http://localhost:{PORT}/api"
        container = Container(
            image=server.image,
            command=("prefect", "server", "start", "--host", "0.0.0.0", "--port", f"{PORT}"),  # noqa: S104  (its security group says who gets there)
            health=here.replace("localhost", "127.0.0.1") + "/health",
            environment={
                **_QUIET,
                "PREFECT_SERVER_DATABASE_DRIVER": "postgresql+asyncpg",
                "PREFECT_SERVER_DATABASE_HOST": database.attr_endpoint_address,
                "PREFECT_SERVER_DATABASE_PORT": database.attr_endpoint_port,
                "PREFECT_SERVER_DATABASE_NAME": database.db_name or "",
                "PREFECT_UI_API_URL": here if server.exec else self._prefect.api_url,
                "PREFECT_UI_STATIC_DIRECTORY": "/tmp/prefect-ui",  # noqa: S108  (the container's own)
            },
            secrets={
                "PREFECT_SERVER_API_AUTH_STRING": (self._auth.ref, ""),
                "PREFECT_SERVER_DATABASE_USER": (signs_in, "username"),
                "PREFECT_SERVER_DATABASE_PASSWORD": (signs_in, "password"),
            },
            cpu=_SERVER_SIZE[0],
            memory=_SERVER_SIZE[1],
            exec=server.exec,
            ours=False,
        )
        return Service(
            self,
            "Server",
            name="server",
            cluster=self._cluster,
            container=container,
            network=mine.model_copy(update={"security_groups": (*mine.security_groups, group)}),
            log_group=self._log_group,
            registry=self._registry(),
        )

    def _add_worker(self, work_pool: WorkPoolStack) -> Service:
        """With none of the server's settings: a worker hands its own down to every flow."""
        container = Container(
            image=self._config.image,
            command=(
                *("prefect", "worker", "start", "--pool", f"wickie-{self._config.stage}"),
                *("--type", "ecs", "--name", "fargate", "--install-policy", "never"),
                "--with-healthcheck",
            ),
            health=f"http://127.0.0.1:{_HEALTH_PORT}/health",
            environment={
                "DO_NOT_TRACK": "1",
                "PREFECT_API_URL": self._prefect.api_url,
                "PREFECT_INTEGRATIONS_AWS_ECS_OBSERVER_SQS_QUEUE_NAME": (
                    work_pool.events.queue.queue_name
                ),
                "PREFECT_WORKER_WEBSERVER_HOST": "127.0.0.1",
                "PREFECT_WORKER_WEBSERVER_PORT": f"{_HEALTH_PORT}",
            },
            secrets={"PREFECT_API_AUTH_STRING": (self._auth.ref, "")},
            cpu=_WORKER_SIZE[0],
            memory=_WORKER_SIZE[1],
        )
        worker = Service(
            self,
            "Worker",
            name="worker",
            cluster=self._cluster,
            container=container,
            network=self._network,
            log_group=self._log_group,
        )
        let_submit(worker.role, work_pool.cluster, work_pool.task)
        grant(worker.role, OBSERVE, {"sqs": [work_pool.events.queue.queue_arn]})
        return worker
