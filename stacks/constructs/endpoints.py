"""VPC endpoints, for a network that reaches AWS by no other way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from constructs import Construct

from stacks.constructs.logged_function import ATTACH
from wickie.config import endpoints

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wickie.config import Network


class Endpoints(Construct):
    """Endpoints in the subnets of a network, which let in what runs there, and nobody else."""

    def __init__(self, scope: Construct, id_: str, network: Network) -> None:
        super().__init__(scope, id_)
        self._network = network
        self._group = ec2.CfnSecurityGroup(
            self,
            "Group",
            group_description="wickie: HTTPS from its functions and flows",
            vpc_id=network.vpc_id,
            security_group_ingress=[
                ec2.CfnSecurityGroup.IngressProperty(
                    ip_protocol="tcp",
                    from_port=443,
                    to_port=443,
                    source_security_group_id=group,
                    description="HTTPS",
                )
                for group in network.security_groups
            ],
        )

    def add(self, services: Iterable[str]) -> None:
        """An endpoint for each; which of them exist, wickie.yaml was checked for."""
        for service in sorted(services):
            if service in endpoints.GATEWAY:
                self._endpoint(service, "Gateway", route_table_ids=list(self._network.route_tables))
            for name in endpoints.INTERFACE.get(service, ()):
                self._endpoint(
                    name,
                    "Interface",
                    private_dns_enabled=True,
                    subnet_ids=list(self._network.subnets),
                    security_group_ids=[self._group.attr_group_id],
                )

    def _endpoint(self, name: str, kind: str, **more: object) -> None:
        ec2.CfnVPCEndpoint(
            self,
            "".join(part.capitalize() for part in name.replace("-", ".").split(".")),
            service_name=f"com.amazonaws.{Stack.of(self).region}.{name}",
            vpc_endpoint_type=kind,
            vpc_id=self._network.vpc_id or "",
            **more,  # type: ignore[arg-type]
        )


def services_asked(*stacks: Stack) -> set[str]:
    """Services that the roles of these stacks may ask: what they are granted is what is asked."""
    found = set()
    for stack in stacks:
        for construct in stack.node.find_all():
            if isinstance(construct, iam.CfnPolicy | iam.CfnManagedPolicy):
                for statement in stack.resolve(construct.policy_document)["Statement"]:
                    actions = statement["Action"]
                    found |= set([actions] if isinstance(actions, str) else actions)
    return {action.partition(":")[0] for action in found - set(ATTACH)}
