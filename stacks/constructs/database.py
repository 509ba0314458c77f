"""Where Prefect's server keeps what it knows: PostgreSQL in RDS, whose password wickie rotates."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from aws_cdk import RemovalPolicy
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_rds as rds
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from wickie.config.prefect import database_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wickie.config import Config, Network
    from wickie.config.prefect import Server

PORT: Final = 5432
_NAME: Final = "prefect"
"""Of the database, and of the user that it belongs to."""


class Database(Construct):
    """
    One encrypted instance that lets in whoever is in the group `clients`, and nobody else.

    It makes the first password; from then on its secret is under rotation as any other.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        config: Config,
        server: Server,
        network: Network,
        key_arn: str | None,
    ) -> None:
        super().__init__(scope, id_)
        self._removal = RemovalPolicy.SNAPSHOT if config.retain else RemovalPolicy.DESTROY
        self.clients = closed_group(
            self, "Clients", network, "wickie: who may ask the database of Prefect"
        )
        self.secret = secretsmanager.CfnSecret(
            self,
            "Secret",
            name=database_of(config.stage).name,
            description=f"wickie {config.stage}: how Prefect's server signs in to its database",
            generate_secret_string=secretsmanager.CfnSecret.GenerateSecretStringProperty(
                secret_string_template=json.dumps({"username": _NAME, "dbname": _NAME}),
                generate_string_key="password",
                password_length=32,
                exclude_punctuation=True,
            ),
        )
        self.secret.apply_removal_policy(RemovalPolicy.DESTROY)
        self.instance = self._instance(config, server, network, key_arn)
        # It writes host and port beside the password, for whoever rotates it.
        secretsmanager.CfnSecretTargetAttachment(
            self,
            "Place",
            secret_id=self.secret.ref,
            target_id=self.instance.ref,
            target_type="AWS::RDS::DBInstance",
        )

    def _instance(
        self, config: Config, server: Server, network: Network, key_arn: str | None
    ) -> rds.CfnDBInstance:
        group = closed_group(
            self,
            "Group",
            network,
            "wickie: PostgreSQL for its clients",
            sources=[self.clients],
            port=PORT,
        )
        subnets = rds.CfnDBSubnetGroup(
            self,
            "Subnets",
            db_subnet_group_description=f"wickie {config.stage}: database of Prefect",
            subnet_ids=list(network.subnets),
        )
        password = f"{{{{resolve:secretsmanager:{self.secret.ref}:SecretString:password}}}}"
        instance = rds.CfnDBInstance(
            self,
            "Instance",
            engine="postgres",
            engine_version="17",  # and the newest minor one, which RDS keeps it at
            auto_minor_version_upgrade=True,
            db_instance_class=server.database,
            allocated_storage="20",
            storage_type="gp3",
            storage_encrypted=True,
            kms_key_id=key_arn,
            db_name=_NAME,
            master_username=_NAME,
            master_user_password=password,
            port=str(PORT),
            db_subnet_group_name=subnets.ref,
            vpc_security_groups=[group],
            publicly_accessible=False,
            backup_retention_period=7,
            copy_tags_to_snapshot=True,
            deletion_protection=config.retain,
        )
        instance.apply_removal_policy(self._removal)
        return instance


def closed_group(
    scope: Construct,
    id_: str,
    network: Network,
    description: str,
    *,
    sources: Sequence[str] = (),
    port: int = 0,
) -> str:
    """The id of a security group that lets nothing out, and `sources` alone in, at `port`."""
    return ec2.CfnSecurityGroup(
        scope,
        id_,
        group_description=description,
        vpc_id=network.vpc_id,
        security_group_ingress=[
            ec2.CfnSecurityGroup.IngressProperty(
                ip_protocol="tcp",
                from_port=port,
                to_port=port,
                source_security_group_id=source,
                description="wickie's own",
            )
            for source in sources
        ],
        # AWS would let one without any rule out everywhere.
        security_group_egress=[
            ec2.CfnSecurityGroup.EgressProperty(
                ip_protocol="-1", cidr_ip="127.0.0.1/32", description="nowhere"
            )
        ],
    ).attr_group_id
