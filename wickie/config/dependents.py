"""What may stand under a secret's `dependents`; docs/dependents.md explains each kind."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from wickie.config.section import Section, told_by_pydantic
from wickie.https import checked_url
from wickie.rotation.dependents.ssm_command import SECRET, VERSION

_AWS_OWN = ("AWS-", "AWSEC2-", "AWSSupport-", "AmazonCloudWatch-")


def _safe_url(value: str) -> str:
    return told_by_pydantic(lambda: checked_url(value))


def _own_document(value: str) -> str:
    if value.startswith(_AWS_OWN):
        raise ValueError(
            "whoever may send this document is administrator of its instances; write one of "
            "your own that does the one thing needed"
        )
    return value


Url = Annotated[str, AfterValidator(_safe_url)]


class EcsServiceDependent(Section):
    """An ECS service that reads the secret when its tasks start."""

    kind: Literal["ecs-service"]
    cluster: str = Field(description="its name")
    service: str = Field(description="its name")


class LambdaDependent(Section):
    """A Lambda function that reads the secret when its environments start."""

    kind: Literal["lambda"]
    function: str = Field(description="its name")


class RdsProxyDependent(Section):
    """An RDS Proxy that signs in to the database with the secret."""

    kind: Literal["rds-proxy"]
    proxy: str = Field(description="its name")
    other_user: str | None = Field(
        default=None, description="secret of the other user, where two users take turns"
    )


class PrefectBlockDependent(Section):
    """A block of a Prefect server that holds a copy of the secret's value."""

    kind: Literal["prefect-block"]
    api_url: Url = Field(description="what PREFECT_API_URL is for the server's clients")
    block: str = Field(
        pattern=r"^[a-z0-9-]+/[a-z0-9-]+$", description="slug of its type, a slash, its name"
    )
    fields: dict[str, str] = Field(
        min_length=1, description="key of the secret's JSON, by field of the block"
    )
    api_key: str | None = Field(
        default=None, description="name or ARN of the secret with a key of Prefect Cloud's"
    )
    auth_string: str | None = Field(
        default=None, description="likewise, with the user:password of a server of your own"
    )

    @model_validator(mode="after")
    def _one_key(self) -> PrefectBlockDependent:
        if self.api_key and self.auth_string:
            raise ValueError("give api_key or auth_string, not both")
        return self


class SsmCommandDependent(Section):
    """Instances on which an SSM document of your own is run."""

    kind: Literal["ssm-run-command"]
    document: Annotated[
        str,
        AfterValidator(_own_document),
        Field(pattern=r"^[a-zA-Z0-9_.-]{3,128}$", description="its name; none of AWS's own"),
    ]
    instances: tuple[Annotated[str, Field(pattern=r"^m?i-[0-9a-f]{8,17}$")], ...] = Field(
        default=(), max_length=50, description="ids; or else give tags"
    )
    tags: dict[str, str] = Field(
        default={}, max_length=5, description="of the instances; or else give instances"
    )
    parameters: dict[str, str] = Field(
        default={}, description="for the document, beside SecretId and VersionId; no secrets"
    )
    timeout_seconds: int = Field(
        default=300, ge=30, le=600, description="until the command counts as failed"
    )

    @model_validator(mode="after")
    def _possible(self) -> SsmCommandDependent:
        if bool(self.instances) == bool(self.tags):
            raise ValueError("give instances or tags, and not both")
        if taken := {SECRET, VERSION} & self.parameters.keys():
            raise ValueError(f"{', '.join(sorted(taken))}: wickie sets this parameter itself")
        return self


class WebhookDependent(Section):
    """A receiver that is sent a signed message and renews itself."""

    kind: Literal["webhook"]
    url: Url = Field(description="https, that messages are sent to")
    key: str = Field(
        pattern=r"^arn:[a-z-]+:kms:[a-z0-9-]+:\d{12}:key/[A-Za-z0-9-]+$",
        description="ARN of the HMAC key in KMS that messages are signed with",
    )
    health: Url | None = Field(default=None, description="asked until it answers 200")


Dependent = Annotated[
    EcsServiceDependent
    | LambdaDependent
    | RdsProxyDependent
    | PrefectBlockDependent
    | SsmCommandDependent
    | WebhookDependent,
    Field(discriminator="kind"),
]
