"""What a function needs to ask Prefect's API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Stack

from stacks.constructs.grants import grant
from stacks.constructs.names import secret_arns
from stacks.permissions import PREFECT_KEY

if TYPE_CHECKING:
    from stacks.constructs.logged_function import LoggedFunction
    from wickie.config import Config
    from wickie.config.prefect import Prefect


def let_ask_prefect(function: LoggedFunction, config: Config, prefect: Prefect) -> None:
    """Have it read the key, and run where a server of the customer's own may be reached."""
    secrets = secret_arns(Stack.of(function), prefect.keys)
    grant(function.role, PREFECT_KEY, {"secretsmanager": secrets})
    if config.network.subnets and prefect.backend == "self-hosted":
        function.attach(config.network)
