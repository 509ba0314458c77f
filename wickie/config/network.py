"""What may stand under `network`: where rotation functions and flows run, and what they reach."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import Field, model_validator

from wickie.config import endpoints
from wickie.config.section import Section
from wickie.errors import ConfigError
from wickie.providers.registry import ENGINES

if TYPE_CHECKING:
    from wickie.config.prefect import Prefect

_ZONES: Final = 2
_GROUPS_BESIDE: Final = 4
ECR: Final = re.compile(r"(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.[a-z.]+/([^@:]+)")


class Network(Section):
    """Where rotation functions and flows run."""

    vpc_id: str | None = Field(
        default=None, pattern=r"^vpc-[0-9a-f]{8,17}$", description="yours; left out: one is made"
    )
    subnets: tuple[Annotated[str, Field(pattern=r"^subnet-[0-9a-f]{8,17}$")], ...] = Field(
        default=(), max_length=16, description="of that VPC"
    )
    security_groups: tuple[Annotated[str, Field(pattern=r"^sg-[0-9a-f]{8,17}$")], ...] = Field(
        default=(), max_length=5, description="of that VPC, which let functions and flows out"
    )
    route_tables: tuple[Annotated[str, Field(pattern=r"^rtb-[0-9a-f]{8,17}$")], ...] = Field(
        default=(), description="of those subnets, where private-endpoints adds to your VPC"
    )
    mode: Literal["public-egress", "private-endpoints", "existing"] = Field(
        default_factory=lambda given: "existing" if given.get("vpc_id") else "public-egress",
        description="public-egress: flows in a small network of wickie's own, functions outside "
        "any; private-endpoints: both in a VPC that reaches AWS alone; existing: both in yours",
    )
    assign_public_ip: bool = Field(
        default=False, description="flows need one in subnets without a NAT gateway or endpoints"
    )

    @model_validator(mode="after")
    def _all_or_nothing(self) -> Network:
        if len({bool(self.vpc_id), bool(self.subnets), bool(self.security_groups)}) > 1:
            raise ValueError("give vpc_id, subnets and security_groups together, or none of them")
        if self.mode == "existing" and not self.vpc_id:
            raise ValueError("existing needs vpc_id, subnets and security_groups")
        if self.mode == "public-egress" and self.vpc_id:
            raise ValueError("public-egress makes its own network; write existing, or no vpc_id")
        if self.assign_public_ip and self.mode != "existing":
            raise ValueError(f"assign_public_ip is of existing subnets; {self.mode} knows itself")
        if bool(self.route_tables) != (self.mode == "private-endpoints" and bool(self.vpc_id)):
            raise ValueError(
                "route_tables go with private-endpoints in a vpc_id of yours: S3 and DynamoDB are "
                "reached by entries in them"
            )
        return self

    @property
    def holds_functions(self) -> bool:
        """Whether rotation functions run in it too."""
        return self.mode != "public-egress"


def check_reach(network: Network, secrets: Iterable[Any], targets: Iterable[Any]) -> None:
    """Raise `ConfigError` where it is known that no way leads to what is rotated or scanned."""
    for secret in secrets:
        place = ENGINES[secret.engine].place
        if place == "vpc" and not network.vpc_id:
            raise ConfigError(
                f"{secret.name}: {secret.engine} is reached from within its VPC alone; give "
                f"vpc_id, subnets and security_groups of it"
            )
        alone = network.mode == "private-endpoints" and not network.vpc_id
        if alone and (place == "anywhere" or secret.options.get("verify")):
            raise ConfigError(
                f"{secret.name}: a network of wickie's own with private endpoints reaches AWS "
                f"alone, and no {secret.engine}; give vpc_id, subnets, security_groups and "
                f"route_tables of the network it is in"
            )
    if network.mode == "private-endpoints":
        _check_endpoints(secrets, targets)


def _check_endpoints(secrets: Iterable[Any], targets: Iterable[Any]) -> None:
    from wickie.scan.sources import SOURCES  # noqa: PLC0415  (every source, for this mode alone)

    asked: Mapping[str, Iterable[str]] = {
        **{f"secret {s.name}": ENGINES[s.engine].permissions for s in secrets},
        **{f"target {t.kind}": SOURCES[t.kind].permissions for t in targets},
    }
    for what, actions in asked.items():
        if missing := endpoints.without(actions):
            raise ConfigError(
                f"{what} asks {', '.join(missing)}, for which a VPC has no endpoint in every "
                f"region; use public-egress, or existing with a NAT gateway"
            )


def check_prefect(network: Network, prefect: Prefect | None) -> None:
    """Raise `ConfigError` where flows would not reach Prefect, or what tells it would not."""
    if prefect is None:
        return
    if not prefect.server:
        if network.mode == "private-endpoints" and not network.vpc_id:
            raise ConfigError(
                "a network of wickie's own with private endpoints reaches AWS alone, and no "
                "Prefect elsewhere; let wickie deploy it (backend: self-hosted, server: {}), or "
                "give vpc_id, subnets, security_groups and route_tables of a network that does"
            )
        return
    if network.mode == "public-egress":
        raise ConfigError(
            "prefect.server is reached from within its network, and with public-egress functions "
            "are in none; use private-endpoints, or existing with a NAT gateway"
        )
    if network.vpc_id and len(network.subnets) < _ZONES:
        raise ConfigError("prefect.server has a database, which needs subnets in two zones")
    if len(network.security_groups) > _GROUPS_BESIDE:
        raise ConfigError(
            f"prefect.server adds a security group to yours, of which AWS takes five; give "
            f"{_GROUPS_BESIDE} at most"
        )
    check_image(prefect.server.image, network)


def check_image(image: str, network: Network) -> None:
    """Raise `ConfigError` for an image that cannot be pulled in that network."""
    if network.mode == "private-endpoints" and not ECR.match(image):
        raise ConfigError(
            f"{image}: with private-endpoints only ECR can be pulled from; push it there and give "
            f"it by digest"
        )
