"""Where rotation functions and flows run: a network of wickie's own, or what it adds to yours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import (
    CfnResource,
    CfnWaitConditionHandle,
    CrossStackReferences,
    ReferenceStrength,
    Stack,
)

from stacks.constructs.endpoints import Endpoints
from stacks.constructs.network import OwnNetwork
from wickie.config import Network

if TYPE_CHECKING:
    from collections.abc import Iterable

    from constructs import Construct

    from wickie.config import Config


class NetworkStack(Stack):
    """
    What `network.mode` in wickie.yaml wants: see `flows` and `functions` for what comes of it.

    Other stacks refer to it weakly, so that the mode can change: CloudFormation would not give up
    an export that is still imported.
    """

    def __init__(self, scope: Construct, config: Config) -> None:
        super().__init__(
            scope, f"WickieNetwork-{config.stage}", description="wickie: network of flows"
        )
        self.flows = config.network
        self._endpoints: Endpoints | None = None
        closed = config.network.mode == "private-endpoints"
        if not config.network.vpc_id:
            self.flows = OwnNetwork(self, "Network", closed=closed).network
        if closed:
            self._endpoints = Endpoints(self, "Endpoints", self.flows)
        elif config.network.vpc_id:
            # A stack may not be empty, nor be left out of the app: it would stay deployed.
            CfnWaitConditionHandle(self, "YoursAsItIs")
        for construct in self.node.find_all():
            if isinstance(construct, CfnResource):
                CrossStackReferences.of(construct).produce(ReferenceStrength.WEAK)
        self.functions = self.flows if config.network.holds_functions else Network()

    def reach(self, services: Iterable[str]) -> None:
        """Have these services reached, by what IAM calls them, where nothing else leads there."""
        if self._endpoints:
            self._endpoints.add(services)
