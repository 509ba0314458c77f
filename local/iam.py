"""IAM: AWS's managed policies exist, as roles made by the CDK name them."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from moto.core.config import default_user_config
from moto.iam.models import IAMBackend

if TYPE_CHECKING:
    from local.world import World


def complete(world: World) -> None:  # noqa: ARG001  (the same for every world)
    """Load them, but for the one partition in use: moto would take a second for all of them."""
    _patch()


@cache
def _patch() -> None:
    default_user_config["iam"]["load_aws_managed_policies"] = True
    backend: Any = IAMBackend
    load = backend._init_aws_policies

    def init_aws_policies(self: Any) -> list[Any]:
        policies: list[Any] = load(self) if self.region_name == "aws" else []
        return policies

    backend._init_aws_policies = init_aws_policies
