"""An account of moto's in which things use secrets."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from typing import Any

import boto3

from wickie.aws import Clients
from wickie.rotation.discovery import discover

REGION = "us-east-1"


class Account:
    """An account in which things are made that use secrets."""

    def __init__(self) -> None:
        self.clients = Clients(boto3.Session("testing", "testing", region_name=REGION))
        self.ecs: Any = self.clients.ecs
        self.ecs.create_cluster(clusterName="main")
        role = boto3.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument="{}")
        self.role = role["Role"]["Arn"]

    def secret(self, name: str) -> str:
        reply = self.clients.secrets_manager.create_secret(Name=name, SecretString="{}")
        return str(reply["ARN"])

    def service(self, name: str, **container: Any) -> None:
        self.ecs.register_task_definition(
            family=name,
            containerDefinitions=[{"name": "app", "image": "x", "memory": 8, **container}],
        )
        self.ecs.create_service(
            cluster="main", serviceName=name, taskDefinition=name, desiredCount=0
        )

    def function(self, name: str, **variables: str) -> None:
        package = io.BytesIO()
        with zipfile.ZipFile(package, "w") as archive:
            archive.writestr("index.py", "")
        self.clients.lambda_.create_function(
            FunctionName=name,
            Runtime="python3.13",
            Handler="index.handler",
            Role=self.role,
            Code={"ZipFile": package.getvalue()},
            Environment={"Variables": variables},
        )

    def proxy(self, name: str, *arns: str) -> None:
        ec2 = boto3.client("ec2", REGION)
        self.clients.rds.create_db_proxy(
            DBProxyName=name,
            EngineFamily="POSTGRESQL",
            Auth=[{"AuthScheme": "SECRETS", "SecretArn": arn} for arn in arns],
            RoleArn=self.role,
            VpcSubnetIds=[s["SubnetId"] for s in ec2.describe_subnets()["Subnets"][:2]],
        )

    def users(self, arn: str) -> list[Mapping[str, str]]:
        found = discover(self.clients, [arn])
        assert not found.gaps
        return [use.entry for use in found.uses]
