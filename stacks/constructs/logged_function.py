"""A function with a log group of its own and a role that may, for now, only write there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from wickie.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wickie.config import Network


# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html: 4 kB, of which ARNs that
# are known at deployment only take some.
_ROOM: Final = 3600

# https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions
ATTACH: Final = (
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
)
"""What Lambda itself does in the name of a function in a VPC."""


class LoggedFunction(Construct):
    """One of wickie's functions; whoever makes it grants `role` what its work needs."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        name: str,
        code: lambda_.Code,
        handler: str,
        environment: Mapping[str, str],
        timeout: Duration,
    ) -> None:
        super().__init__(scope, id_)
        if len("".join([*environment, *environment.values()]).encode()) > _ROOM:
            raise ConfigError(
                f"function {name} takes 4 kB of settings, and these are more; shorten options, "
                f"passwords or prefect-block dependents of its secrets in wickie.yaml"
            )
        log_group = logs.LogGroup(
            self,
            "Log",
            log_group_name=f"/aws/lambda/{name}",
            retention=logs.RetentionDays.THREE_MONTHS,
            removal_policy=RemovalPolicy.DESTROY,
        )
        # A role of its own: the default one brings AWSLambdaBasicExecutionRole, which may
        # write to every log group of the account.
        self.role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        self.role.add_to_policy(
            iam.PolicyStatement(
                actions=["logs:CreateLogStream", "logs:PutLogEvents"],
                resources=[log_group.log_group_arn],
            )
        )
        self.function = lambda_.Function(
            self,
            "Function",
            function_name=name,
            runtime=lambda_.Runtime.PYTHON_3_14,
            architecture=lambda_.Architecture.ARM_64,
            handler=handler,
            code=code,
            role=self.role,
            log_group=log_group,
            environment=dict(environment),
            timeout=timeout,
            memory_size=256,
        )

    def attach(self, network: Network) -> None:
        """Have it run in the customer's own network."""
        # The L2 function wants a Vpc object and with it availability zones, which only a
        # look-up in the account could tell; CloudFormation needs just the ids.
        resource = self.function.node.default_child
        if not isinstance(resource, lambda_.CfnFunction):
            raise TypeError("a Function's default child is a CfnFunction")
        resource.vpc_config = lambda_.CfnFunction.VpcConfigProperty(
            subnet_ids=list(network.subnets), security_group_ids=list(network.security_groups)
        )
        self.role.add_to_policy(
            iam.PolicyStatement(
                actions=list(ATTACH),
                resources=["*"],
            )
        )
