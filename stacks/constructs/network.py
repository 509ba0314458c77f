"""Networks of wickie's own: one that costs nothing and reaches out, one that reaches AWS alone."""

from __future__ import annotations

from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from wickie.config import Network


class FlowNetwork(Construct):
    """
    Two public subnets, a way out, and a security group with no way in.

    Idle, this costs nothing, where a NAT gateway is some $33 a month and four interface
    endpoints $58. A task has a public address only while it runs.
    """

    def __init__(self, scope: Construct, id_: str) -> None:
        super().__init__(scope, id_)
        vpc = _vpc(
            self,
            ec2.SubnetConfiguration(
                name="Public",
                subnet_type=ec2.SubnetType.PUBLIC,
                cidr_mask=26,
                map_public_ip_on_launch=False,
            ),
        )
        group = ec2.SecurityGroup(
            self, "Egress", vpc=vpc, description="wickie flows: out only", allow_all_outbound=True
        )
        # Not validated: these are tokens until CloudFormation fills them in.
        self.network = Network.model_construct(
            vpc_id=vpc.vpc_id,
            subnets=tuple(subnet.subnet_id for subnet in vpc.public_subnets),
            security_groups=(group.security_group_id,),
            assign_public_ip=True,
        )


class PrivateNetwork(Construct):
    """Two subnets that no way leads out of, nor in; endpoints are for `Endpoints` to add."""

    def __init__(self, scope: Construct, id_: str) -> None:
        super().__init__(scope, id_)
        vpc = _vpc(
            self,
            ec2.SubnetConfiguration(
                name="Isolated", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED, cidr_mask=26
            ),
        )
        group = ec2.SecurityGroup(
            self, "Inside", vpc=vpc, description="wickie: out only", allow_all_outbound=True
        )
        self.network = Network.model_construct(
            vpc_id=vpc.vpc_id,
            subnets=tuple(subnet.subnet_id for subnet in vpc.isolated_subnets),
            security_groups=(group.security_group_id,),
            route_tables=tuple(s.route_table.route_table_id for s in vpc.isolated_subnets),
            assign_public_ip=False,
        )


def _vpc(scope: Construct, subnets: ec2.SubnetConfiguration) -> ec2.Vpc:
    """One such subnet in each of two zones."""
    return ec2.Vpc(
        scope,
        "Vpc",
        ip_addresses=ec2.IpAddresses.cidr("10.71.0.0/24"),
        max_azs=2,
        nat_gateways=0,
        subnet_configuration=[subnets],
        # Emptying the default group takes a Node function; nothing here uses that group.
        restrict_default_security_group=False,
    )
