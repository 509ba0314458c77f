"""What may stand under `prefect`: where this stage's flows are registered, and who starts them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from wickie.config.dependents import PrefectBlockDependent, Url
from wickie.config.secret import ManagedSecret
from wickie.config.section import Section

Backend = Literal["cloud-push", "self-hosted"]


class Prefect(Section):
    """Left out, `cdk deploy` registers nothing, and Prefect's own command line does."""

    api_url: Url = Field(description="what PREFECT_API_URL is for the server's clients")
    backend: Backend = Field(
        description="an ecs:push work pool of Prefect Cloud, or an ecs one and a worker of yours"
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
