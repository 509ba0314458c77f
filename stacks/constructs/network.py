"""A network of wickie's own, which costs nothing while nothing runs in it."""

from __future__ import annotations

from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from wickie.config import Network


class OwnNetwork(Construct):
    """
    Two subnets that no way leads out of, two public ones unless it is `closed`, and no way in.

    The isolated ones are there even when nothing uses them: functions are in them until their own
    stack is deployed, which is after this one, and AWS would not delete what they are in. A NAT
    gateway would be some $33 a month; a task has a public address only while it runs.
    """

    def __init__(self, scope: Construct, id_: str, *, closed: bool) -> None:
        super().__init__(scope, id_)
        vpc = ec2.Vpc(
            self,
            "Vpc",
            ip_addresses=ec2.IpAddresses.cidr("10.71.0.0/24"),
            max_azs=2,
            nat_gateways=0,
            subnet_configuration=[
                ec2.SubnetConfiguration(
                    name="Public",
                    subnet_type=ec2.SubnetType.PUBLIC,
                    cidr_mask=26,
                    map_public_ip_on_launch=False,
                    reserved=closed,
                ),
                ec2.SubnetConfiguration(
                    name="Isolated", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED, cidr_mask=26
                ),
            ],
            # Emptying the default group takes a Node function; nothing here uses that group.
            restrict_default_security_group=False,
        )
        group = ec2.SecurityGroup(
            self, "Egress", vpc=vpc, description="wickie: out only", allow_all_outbound=True
        )
        subnets = vpc.isolated_subnets if closed else vpc.public_subnets
        tables = vpc.isolated_subnets if closed else ()
        # Not validated: these are tokens until CloudFormation fills them in.
        self.network = Network.model_construct(
            vpc_id=vpc.vpc_id,
            subnets=tuple(subnet.subnet_id for subnet in subnets),
            security_groups=(group.security_group_id,),
            route_tables=tuple(subnet.route_table.route_table_id for subnet in tables),
            assign_public_ip=not closed,
        )
