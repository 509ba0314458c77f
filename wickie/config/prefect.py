"""What may stand under `prefect`: where this stage's flows are registered, and who starts them."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import Field, model_validator

from wickie.config.dependents import EcsServiceDependent, PrefectBlockDependent, Url
from wickie.config.secret import ManagedSecret
from wickie.config.section import Section
from wickie.https import INSIDE

Backend = Literal["cloud-push", "self-hosted"]
PORT: Final = 4200


class Server(Section):
    """A Prefect server on Fargate, its PostgreSQL and a worker, which `cdk deploy` makes."""

    image: str = Field(
        default="prefecthq/prefect:3.8.8-python3.12",
        pattern=r"^\S+$",
        description="Prefect's own, best given by digest, of the version that flows run",
    )
    database: str = Field(
        default="db.t4g.micro",
        pattern=r"^db\.[a-z0-9]+\.[a-z0-9]+$",
        description="class of the RDS instance",
    )
    exec: bool = Field(
        default=False, description="people reach its pages through Session Manager (ECS Exec)"
    )


class Prefect(Section):
    """Left out, `cdk deploy` registers nothing, and Prefect's own command line does."""

    backend: Backend = Field(
        description="an ecs:push work pool of Prefect Cloud, or an ecs one and a worker of yours"
    )
    api_url: Url = Field(default="", description="what PREFECT_API_URL is for the server's clients")
    server: Server | None = Field(
        default=None, description="self-hosted, in place of api_url: what wickie deploys for you"
    )
    api_key_secret: str | None = Field(
        default=None, description="name or ARN of the secret with a key of Prefect Cloud's"
    )
    auth_string_secret: str | None = Field(
        default=None, description="likewise, with the user:password of a server of your own"
    )
    notify: str | None = Field(
        default=None,
        pattern=r"^[a-z0-9-]+/[a-z0-9-]+$",
        description="block that is told of runs that crash, fail or are late: type, slash, name",
    )
    assume_role: bool = Field(
        default=True,
        description="cloud-push: the pusher's key may do nothing but assume the pusher's role",
    )
    home: str = Field(default="/opt/wickie", description="where wickie lies in the image")
    config: str = Field(default="wickie.yaml", description="where this file lies from there")

    @model_validator(mode="after")
    def _one_server(self) -> Prefect:
        if self.server and (self.backend != "self-hosted" or self.keys or self.api_url):
            raise ValueError(
                "server is of backend self-hosted, without api_url and secrets: wickie makes both"
            )
        if not (self.server or self.api_url):
            raise ValueError("give api_url, or with self-hosted a server that wickie deploys")
        return self

    @model_validator(mode="after")
    def _one_key(self) -> Prefect:
        if self.api_key_secret and self.auth_string_secret:
            raise ValueError("give api_key_secret or auth_string_secret, not both")
        if self.backend == "cloud-push" and not self.api_key_secret:
            raise ValueError("Prefect Cloud needs api_key_secret; a server of yours cannot push")
        return self

    @property
    def keys(self) -> tuple[str, ...]:
        """The secrets with what the server knows its clients by: one, or none."""
        return tuple(s for s in (self.api_key_secret, self.auth_string_secret) if s)

    def of(self, stage: str) -> Prefect:
        """The same, with where `stage` has its own server, and the secret that this one asks."""
        if not self.server:
            return self
        host = INSIDE.format(stage=stage)
        return self.model_copy(
            update={
                "api_url": f"http://{host}:{PORT}/api",
                "auth_string_secret": f"wickie/{stage}/prefect-auth",
            }
        )


def cluster_name(stage: str) -> str:
    """The ECS cluster of wickie's own server and worker; its services are called as they are."""
    return f"wickie-{stage}-prefect"


def database_of(stage: str) -> ManagedSecret:
    """The secret by which wickie's own server signs in to its database, and reads at its start."""
    service = EcsServiceDependent(kind="ecs-service", cluster=cluster_name(stage), service="server")
    return ManagedSecret(
        name=f"wickie/{stage}/prefect-database",
        engine="postgres",
        strategy="single-user",
        dependents=(service,),
    )


def brought_along(stage: str, prefect: Prefect) -> ManagedSecret | None:
    """The secret that Prefect needs, wickie makes, and rotates like any other."""
    if prefect.server:
        return database_of(stage)
    return pusher_of(stage, prefect) if prefect.backend == "cloud-push" else None


def pusher_name(stage: str) -> str:
    """What the pusher's IAM user, its role and the block with its key are called."""
    return f"wickie-{stage}-pusher"


def pusher_of(stage: str, prefect: Prefect) -> ManagedSecret:
    """
    The secret with the access key by which Prefect Cloud starts tasks.

    It is a managed secret like any other: its dependent is the block in Prefect that holds a copy.
    """
    block = PrefectBlockDependent(
        kind="prefect-block",
        api_url=prefect.api_url.rstrip("/"),
        block=f"aws-credentials/{pusher_name(stage)}",
        fields={
            "aws_access_key_id": "AccessKeyId",
            "aws_secret_access_key": "SecretAccessKey",
        },
        api_key=prefect.api_key_secret,
    )
    return ManagedSecret(
        name=f"wickie/{stage}/pusher",
        engine="iam-access-key",
        strategy="dual-key",
        options={"user": pusher_name(stage)},
        dependents=(block,),
    )
