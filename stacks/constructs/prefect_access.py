"""What a function needs to ask Prefect's API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Stack

from stacks.constructs.grants import grant
from stacks.constructs.names import secret_arns
from stacks.permissions import PREFECT_KEY

if TYPE_CHECKING:
    from stacks.constructs.logged_function import LoggedFunction
    from wickie.config import Network
    from wickie.config.prefect import Prefect


def let_ask_prefect(function: LoggedFunction, network: Network, prefect: Prefect) -> None:
    """Have it read the key, and run in `network` where a server may be reached from there alone."""
    secrets = secret_arns(Stack.of(function), prefect.keys)
    grant(function.role, PREFECT_KEY, {"secretsmanager": secrets})
    if network.subnets and prefect.backend == "self-hosted":
        function.attach(network)
