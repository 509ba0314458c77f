"""What a Prefect server of wickie's own is made of, beside what other stacks have too."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from local.daemon import HOST
from local.rds import trust
from local.server import LocalAws
from tests.local.fargate import Fargate
from tests.local.stacks import TAGS, Stacks, deploy, template
from wickie.credentials import DatabaseLogin, Sensitive
from wickie.errors import AuthenticationError
from wickie.providers.pgwire import session

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

VPC = ("AWS::EC2::VPC", {"CidrBlock": "10.0.0.0/16"})
SUBNETS: dict[str, Any] = {
    f"S{zone}": (
        "AWS::EC2::Subnet",
        {
            "VpcId": {"Ref": "V"},
            "CidrBlock": f"10.0.{zone}.0/24",
            "AvailabilityZone": {"Fn::Select": [zone, {"Fn::GetAZs": ""}]},
        },
    )
    for zone in (0, 1)
}
SECRET = (
    "AWS::SecretsManager::Secret",
    {
        "GenerateSecretString": {
            "SecretStringTemplate": '{"username": "prefect", "dbname": "prefect"}',
            "GenerateStringKey": "password",
            "ExcludePunctuation": True,
        }
    },
)
GROUP = (
    "AWS::RDS::DBSubnetGroup",
    {"DBSubnetGroupDescription": "two", "SubnetIds": [{"Ref": "S0"}, {"Ref": "S1"}]},
)
ATTACHMENT = (
    "AWS::SecretsManager::SecretTargetAttachment",
    {
        "SecretId": {"Ref": "Secret"},
        "TargetId": {"Ref": "D"},
        "TargetType": "AWS::RDS::DBInstance",
    },
)


def instance(**more: Any) -> tuple[str, dict[str, Any]]:
    def first(key: str) -> Any:
        parts = ["{{resolve:secretsmanager:", {"Ref": "Secret"}, f":SecretString:{key}}}}}"]
        return {"Fn::Join": ["", parts]}

    return (
        "AWS::RDS::DBInstance",
        {
            "Engine": "postgres",
            "EngineVersion": "17",
            "DBInstanceClass": "db.t4g.micro",
            "AllocatedStorage": "20",
            "StorageEncrypted": True,
            "DBName": "prefect",
            "MasterUsername": first("username"),
            "MasterUserPassword": first("password"),
            "DBSubnetGroupName": {"Ref": "G"},
            "Tags": TAGS,
        }
        | more,
    )


def test_database_and_where_it_is(stacks: Stacks) -> None:
    parts: dict[str, Any] = {"V": VPC, **SUBNETS, "G": GROUP, "Secret": SECRET}
    deploy(stacks, **parts, D=instance(DeletionProtection=True), Place=ATTACHMENT)
    rds = stacks.client("rds")
    name = stacks.physical_id("s", "D")
    (found,) = rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"]
    assert (found["AllocatedStorage"], found["StorageEncrypted"]) == (20, True)
    assert (found["DeletionProtection"], found["TagList"]) == (True, TAGS)
    value = stacks.client("secretsmanager").get_secret_value(
        SecretId=stacks.physical_id("s", "Secret")
    )
    login = json.loads(value["SecretString"])
    assert (login["host"], login["port"]) == tuple(found["Endpoint"].values())
    assert (login["username"], login["dbname"], login["engine"]) == ("prefect",) * 2 + ("postgres",)
    assert login["dbInstanceIdentifier"] == name

    assert stacks.delete("s") == "DELETE_FAILED", "it is protected"
    assert "protected" in stacks.reasons("s")


def test_an_unprotected_database_goes_with_its_stack(stacks: Stacks) -> None:
    parts: dict[str, Any] = {"V": VPC, **SUBNETS, "G": GROUP, "Secret": SECRET}
    deploy(stacks, **parts, D=instance(DeletionProtection=True))
    deploy(stacks, **parts, D=instance())
    assert stacks.delete("s") == "DELETE_COMPLETE"
    assert stacks.client("rds").describe_db_instances()["DBInstances"] == []


def test_name_in_a_private_zone(stacks: Stacks) -> None:
    zone = (
        "AWS::ServiceDiscovery::PrivateDnsNamespace",
        {"Name": "wickie-test.internal", "Vpc": {"Ref": "V"}},
    )
    record = {
        "Name": "prefect",
        "NamespaceId": {"Fn::GetAtt": ["Z", "Id"]},
        "DnsConfig": {"DnsRecords": [{"Type": "A", "TTL": 10}]},
        "HealthCheckCustomConfig": {"FailureThreshold": 1},
    }
    deploy(stacks, V=VPC, Z=zone, N=("AWS::ServiceDiscovery::Service", record))
    api = stacks.client("servicediscovery")
    (namespace,) = api.list_namespaces()["Namespaces"]
    assert (namespace["Name"], namespace["Type"]) == ("wickie-test.internal", "DNS_PRIVATE")
    made = api.get_service(Id=stacks.physical_id("s", "N"))["Service"]
    assert (made["Name"], made["NamespaceId"]) == ("prefect", namespace["Id"])
    assert stacks.delete("s") == "DELETE_COMPLETE"
    assert api.list_namespaces()["Namespaces"] == []


@pytest.fixture(scope="module")
def aws() -> Iterator[LocalAws]:
    with LocalAws() as running:
        yield running


def test_behind_a_postgres_instance_is_a_real_server_with_its_master_user(aws: LocalAws) -> None:
    rds, password = aws.world.client("rds"), Sensitive(f"p{id(aws)}")
    made = rds.create_db_instance(
        DBInstanceIdentifier="real",
        Engine="postgres",
        DBInstanceClass="db.t4g.micro",
        AllocatedStorage=20,
        DBName="prefect",
        MasterUsername="prefect",
        MasterUserPassword=password.reveal(),
    )["DBInstance"]

    place = made["Endpoint"]
    assert place["Address"] == HOST
    document = trust("real")
    login = DatabaseLogin(
        "postgres", HOST, "prefect", password, place["Port"], "prefect", document=document
    )
    with session(login, None) as connection:
        connection.run("CREATE EXTENSION pg_trgm")  # which Prefect's migrations do
        assert connection.run("SELECT current_user") == [["prefect"]]
    wrong = DatabaseLogin(
        "postgres", HOST, "prefect", Sensitive("no"), place["Port"], "prefect", document=document
    )
    with pytest.raises(AuthenticationError), session(wrong, None):
        pass
    rds.delete_db_instance(DBInstanceIdentifier="real", SkipFinalSnapshot=True)
    with pytest.raises(Exception, match="cannot reach"), session(login, None):
        pass


def _service(stacks: Stacks, script: str) -> str:
    """Deploy a service of one container that is found by a name; the stack's status."""
    subnet = ("AWS::EC2::Subnet", {"VpcId": {"Ref": "V"}, "CidrBlock": "10.0.0.0/24"})
    container = {"Name": "main", "Image": "none", "Command": ["/bin/sh", "-c", script]}
    definition = {
        "Family": "found",
        "Cpu": "256",
        "Memory": "512",
        "NetworkMode": "awsvpc",
        "RequiresCompatibilities": ["FARGATE"],
        "ContainerDefinitions": [container],
    }
    record = {
        "Name": "it",
        "NamespaceId": {"Fn::GetAtt": ["Z", "Id"]},
        "DnsConfig": {"DnsRecords": [{"Type": "A", "TTL": 10}]},
    }
    service = {
        "ServiceName": "found",
        "Cluster": {"Ref": "C"},
        "TaskDefinition": {"Ref": "T"},
        "DesiredCount": 1,
        "LaunchType": "FARGATE",
        "DeploymentConfiguration": {
            "MinimumHealthyPercent": 0,
            "MaximumPercent": 100,
            "DeploymentCircuitBreaker": {"Enable": True, "Rollback": True},
        },
        "NetworkConfiguration": {"AwsvpcConfiguration": {"Subnets": [{"Ref": "S"}]}},
        "ServiceRegistries": [{"RegistryArn": {"Fn::GetAtt": ["N", "Arn"]}}],
        "Tags": TAGS,
    }
    zone = {"Name": "zone.internal", "Vpc": {"Ref": "V"}}
    return stacks.deploy(
        "found",
        template(
            V=VPC,
            S=subnet,
            Z=("AWS::ServiceDiscovery::PrivateDnsNamespace", zone),
            N=("AWS::ServiceDiscovery::Service", record),
            C=("AWS::ECS::Cluster", {}),
            T=("AWS::ECS::TaskDefinition", definition),
            Service=("AWS::ECS::Service", service),
        ),
    )


def test_a_service_is_made_once_it_is_well_and_is_found_by_its_name(aws: LocalAws) -> None:
    stacks, fargate = Stacks(aws.world.client), Fargate(aws)
    ask = "import socket; print(socket.getaddrinfo('it.zone.internal', 80)[0][4][0])"
    assert _service(stacks, "sleep 600") == "CREATE_COMPLETE", stacks.reasons("found")
    (found,) = fargate.ecs.describe_services(
        cluster=stacks.physical_id("found", "C"), services=["found"]
    )["services"]
    assert (found["runningCount"], found["deployments"][0]["rolloutState"]) == (1, "COMPLETED")
    assert fargate.output(f'python -c "{ask}"') == "127.0.0.1"

    assert _service(stacks, "exit 1") == "UPDATE_ROLLBACK_COMPLETE"
    assert "Circuit Breaker" in stacks.reasons("found")
    assert stacks.delete("found") == "DELETE_COMPLETE", stacks.reasons("found")
    assert "Traceback" in fargate.output(f'python -c "{ask}" 2>&1 || true')
