"""The world wickie is deployed into: a shop with a database, a secret, and a service using it."""

from __future__ import annotations

import json
import secrets
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

import pg8000.native

from wickie.credentials import Sensitive
from wickie.errors import AuthenticationError

if TYPE_CHECKING:
    from local.postgres import Postgres
    from local.world import World

SECRET: Final = "shop/db"  # noqa: S105  (a name)
MASTER: Final = "shop/master"
CLUSTER: Final = "shop"
SERVICE: Final = "web"
BUCKET: Final = "shop-logs"
LOG_GROUP: Final = "/shop/web"


@dataclass(frozen=True)
class Shop:
    """The shop's account and database."""

    world: World
    postgres: Postgres
    secret_arn: str

    @classmethod
    def found(cls, world: World, postgres: Postgres) -> Self:
        """Make the database, its two secrets, the log bucket, and the running service."""
        password = secrets.token_urlsafe(24)
        admin = cls._login(postgres, "postgres", postgres.admin.password, "postgres")
        name = pg8000.native.identifier("shop")
        admin.run(f"CREATE ROLE {name} LOGIN PASSWORD {pg8000.native.literal(password)}")
        admin.run(f"CREATE DATABASE {name} OWNER {name}")
        admin.close()
        manager = world.client("secretsmanager")
        manager.create_secret(Name=MASTER, SecretString=postgres.admin.to_secret_string())
        login = {**postgres.admin.document, "username": "shop", "dbname": "shop"}
        document = json.dumps({**login, "password": password})
        arn = manager.create_secret(Name=SECRET, SecretString=document)["ARN"]
        world.client("s3").create_bucket(Bucket=BUCKET)
        shop = cls(world, postgres, arn)
        shop._start_service()
        return shop

    def honours(self, version_id: str) -> bool:
        """Ask PostgreSQL itself whether the login kept in that version still works."""
        value = self.value(version_id)
        try:
            self._login(
                self.postgres, value["username"], Sensitive(value["password"]), "shop"
            ).close()
        except AuthenticationError:
            return False
        return True

    def value(self, version_id: str) -> dict[str, Any]:
        """The secret's JSON in that version."""
        reply = self.world.client("secretsmanager").get_secret_value(
            SecretId=self.secret_arn, VersionId=version_id
        )
        document: dict[str, Any] = json.loads(reply["SecretString"])
        return document

    def version(self, label: str = "AWSCURRENT") -> str | None:
        """Id of the version that carries `label`."""
        stages = self.world.client("secretsmanager").describe_secret(SecretId=self.secret_arn)
        for version_id, labels in stages["VersionIdsToStages"].items():
            if label in labels:
                return str(version_id)
        return None

    def logins(self) -> dict[str, int]:
        """How often the service tried to log in so far, and how often it was refused."""
        totals = {"attempted": 0, "refused": 0}
        pages = self.world.client("logs").get_paginator("filter_log_events")
        for page in pages.paginate(logGroupName=LOG_GROUP):
            for event in page["events"]:
                if event["message"].startswith('{"attempted"'):
                    for name, count in json.loads(event["message"]).items():
                        totals[name] += count
        return totals

    def steady(self, after: str | None = None) -> bool:
        """Whether the service has one deployment, complete, and not the deployment `after`."""
        (deployment, *others) = self._service()["deployments"]
        complete = deployment["rolloutState"] == "COMPLETED" and deployment["runningCount"] == 1
        return complete and not others and deployment["id"] != after

    def deployment(self) -> str:
        """Id of the service's present deployment."""
        return str(self._service()["deployments"][0]["id"])

    def _service(self) -> dict[str, Any]:
        reply = self.world.client("ecs").describe_services(cluster=CLUSTER, services=[SERVICE])
        service: dict[str, Any] = reply["services"][0]
        return service

    def _start_service(self) -> None:
        logs, ecs = self.world.client("logs"), self.world.client("ecs")
        logs.create_log_group(logGroupName=LOG_GROUP)
        ecs.create_cluster(clusterName=CLUSTER)
        definition = ecs.register_task_definition(
            family="shop-web",
            requiresCompatibilities=["FARGATE"],
            networkMode="awsvpc",
            cpu="256",
            memory="512",
            containerDefinitions=[
                {
                    "name": "web",
                    "image": "shop-web",
                    "essential": True,
                    "command": ["python", "-m", "local.demo.client"],
                    "secrets": [{"name": "SHOP_DB", "valueFrom": self.secret_arn}],
                    "stopTimeout": 5,
                    "logConfiguration": {
                        "logDriver": "awslogs",
                        "options": {
                            "awslogs-group": LOG_GROUP,
                            "awslogs-region": "us-east-1",
                            "awslogs-stream-prefix": "web",
                        },
                    },
                }
            ],
        )["taskDefinition"]["taskDefinitionArn"]
        subnets = self.world.client("ec2").describe_subnets()["Subnets"]
        ecs.create_service(
            cluster=CLUSTER,
            serviceName=SERVICE,
            taskDefinition=definition,
            desiredCount=1,
            launchType="FARGATE",
            networkConfiguration={"awsvpcConfiguration": {"subnets": [subnets[0]["SubnetId"]]}},
        )

    @staticmethod
    def _login(
        postgres: Postgres, username: str, password: Sensitive, database: str
    ) -> pg8000.native.Connection:
        trust = ssl.create_default_context(cadata=postgres.ca_pem) if postgres.ca_pem else False
        try:
            return pg8000.native.Connection(
                username,
                host="localhost",
                port=postgres.port,
                password=password.reveal(),
                database=database,
                ssl_context=trust,
                timeout=5,
            )
        except pg8000.native.DatabaseError as error:
            raise AuthenticationError(f"PostgreSQL refused {username}") from error
