"""A Prefect server of wickie's own: who reaches it and its database, and what its worker may do."""

from __future__ import annotations

import json
from importlib.metadata import version
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from stacks.cost import idle_cost
from tests.stacks.test_registration import actions, on
from wickie.config import Config
from wickie.config.prefect import Server
from wickie.registration.work_pool import OBSERVE_PERMISSIONS, SUBMIT_PERMISSIONS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.stacks.conftest import Assembly, Synthesise
    from wickie.config import Network

pytestmark = pytest.mark.slow

STACK, ROTATION = "WickiePrefect-dev", "WickieRotation-dev"
LONE = "WickiePrefect-lone"
SERVICE, TASK, GROUP = (
    "AWS::ECS::Service",
    "AWS::ECS::TaskDefinition",
    "AWS::EC2::SecurityGroup",
)
DATABASE, FUNCTION = "AWS::RDS::DBInstance", "AWS::Lambda::Function"
ECR = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/{}@sha256:" + "0" * 64


def hosted(**given: Any) -> Config:
    server = {"image": ECR.format("prefect"), **given.pop("server", {})}
    prefect = {"backend": "self-hosted", "server": server}
    return Config.model_validate({"prefect": prefect, "image": ECR.format("wickie")} | given)


@pytest.fixture(scope="module")
def existing(network: Network) -> Config:
    """In a network of the customer's, with events and a key of the customer's."""
    event = {"name": "e", "pattern": {"source": ["x"]}, "deployment": "upkeep"}
    return hosted(
        stage="dev",
        network=network.model_dump(mode="json"),
        events=[event],
        encryption={"key": "customer"},
        tags={"team": "shop"},
        permissions_boundary="arn:aws:iam::111122223333:policy/boundary",
    )


@pytest.fixture(scope="module")
def both(synthesise: Synthesise, existing: Config) -> Assembly:
    """That one; and one in a VPC of wickie's own, entered by Session Manager, to be thrown away."""
    alone = {"network": {"mode": "private-endpoints"}, "server": {"exec": True}, "retain": False}
    return synthesise(existing, hosted(stage="lone", **alone))


def container(assembly: Assembly, name: str, stack: str = STACK) -> dict[str, Any]:
    found: Any = next(
        d["Properties"]["ContainerDefinitions"][0]
        for d in assembly.resources(TASK, stack).values()
        if d["Properties"]["Family"].endswith(f"-prefect-{name}")
    )
    return found | {"env": {e["Name"]: e["Value"] for e in found["Environment"]}}


def service(assembly: Assembly, name: str, stack: str = STACK) -> Any:
    return next(
        s["Properties"]
        for s in assembly.resources(SERVICE, stack).values()
        if s["Properties"]["ServiceName"] == name
    )


def groups_of(assembly: Assembly, name: str) -> str:
    network = service(assembly, name)["NetworkConfiguration"]["AwsvpcConfiguration"]
    return json.dumps(network["SecurityGroups"])


def test_the_server_is_prefects_image_of_the_version_that_flows_run() -> None:
    assert Server().image == f"prefecthq/prefect:{version('prefect')}-python3.12"


def test_one_task_that_is_well_before_anything_is_registered(both: Assembly) -> None:
    for name in ("server", "worker"):
        found = service(both, name)
        assert (found["DesiredCount"], found["LaunchType"]) == (1, "FARGATE")
        rolls = found["DeploymentConfiguration"]
        assert rolls["DeploymentCircuitBreaker"] == {"Enable": True, "Rollback": True}
        assert (rolls["MinimumHealthyPercent"], rolls["MaximumPercent"]) == (0, 100)
    assert "/api/health" in container(both, "server")["HealthCheck"]["Command"][-1]
    manifest = json.loads((both.directory / "manifest.json").read_text())["artifacts"]
    order = ("WickieRegistration-dev", ROTATION, STACK, "WickieWorkPool-dev")
    for later, earlier in pairwise(order):
        assert earlier in manifest[later]["dependencies"]


def test_no_secret_stands_in_a_definition_and_the_worker_knows_none_of_the_servers(
    both: Assembly,
) -> None:
    server, worker = (container(both, name) for name in ("server", "worker"))
    secrets = {s["Name"] for s in server["Secrets"]}
    assert secrets == {
        "PREFECT_SERVER_API_AUTH_STRING",
        "PREFECT_SERVER_DATABASE_USER",
        "PREFECT_SERVER_DATABASE_PASSWORD",
    }
    assert [s["Name"] for s in worker["Secrets"]] == ["PREFECT_API_AUTH_STRING"]
    assert not secrets & server["env"].keys()
    assert not [name for name in worker["env"] if name.startswith("PREFECT_SERVER")]
    assert worker["env"]["PREFECT_API_URL"] == "http://prefect.wickie-dev.internal:4200/api"


def test_only_functions_and_flows_reach_the_server_and_only_by_its_port(
    both: Assembly, network: Network
) -> None:
    (name,) = (n for n in both.resources(GROUP, STACK) if n.startswith("Group"))
    rules = both.resources(GROUP, STACK)[name]["Properties"]["SecurityGroupIngress"]
    assert [(r["FromPort"], r["ToPort"], r["SourceSecurityGroupId"]) for r in rules] == [
        (4200, 4200, *network.security_groups)
    ]
    assert name in groups_of(both, "server")
    assert name not in groups_of(both, "worker")
    for group in both.resources(GROUP, STACK).values():
        (out,) = group["Properties"]["SecurityGroupEgress"]
        assert out["CidrIp"] == "127.0.0.1/32"
        assert "CidrIp" not in json.dumps(group["Properties"].get("SecurityGroupIngress", ""))
    zone = both.only("AWS::ServiceDiscovery::PrivateDnsNamespace", STACK)["Properties"]
    assert zone == {"Name": "wickie-dev.internal", "Vpc": network.vpc_id} | {
        "Tags": [{"Key": "team", "Value": "shop"}]
    }
    assert both.only("AWS::ServiceDiscovery::Service", STACK)["Properties"]["Name"] == "prefect"


def test_only_the_server_and_the_function_that_rotates_it_reach_the_database(
    both: Assembly,
) -> None:
    found = both.resources(GROUP, STACK)
    (clients,) = (n for n in found if n.startswith("DatabaseClients"))
    (own,) = (n for n in found if n.startswith("DatabaseGroup"))
    (rule,) = found[own]["Properties"]["SecurityGroupIngress"]
    assert rule["SourceSecurityGroupId"] == {"Fn::GetAtt": [clients, "GroupId"]}
    assert (rule["FromPort"], rule["ToPort"]) == (5432, 5432)
    assert clients in groups_of(both, "server")
    assert clients not in groups_of(both, "worker")
    rotates = both.resources(FUNCTION, ROTATION)
    admitted = [n for n, f in rotates.items() if clients in json.dumps(f["Properties"])]
    assert [n.startswith("postgressingleuser") for n in admitted] == [True]
    assert clients not in json.dumps(both.template("WickieWorkPool-dev"))


def test_the_database_is_encrypted_backed_up_and_not_lost_with_its_stack(both: Assembly) -> None:
    kept, gone = (both.only(DATABASE, stack) for stack in (STACK, LONE))
    assert (kept["DeletionPolicy"], kept["UpdateReplacePolicy"]) == ("Snapshot", "Snapshot")
    assert kept["Properties"]["DeletionProtection"] is True
    assert (gone["DeletionPolicy"], gone["Properties"]["DeletionProtection"]) == ("Delete", False)
    for instance in (kept["Properties"], gone["Properties"]):
        assert instance["StorageEncrypted"] is True
        assert instance["PubliclyAccessible"] is False
        assert instance["BackupRetentionPeriod"] >= 7
        assert "resolve:secretsmanager" in json.dumps(instance["MasterUserPassword"])
    assert kept["Properties"]["KmsKeyId"]["Fn::GetStackOutput"]["StackName"] == "WickieData-dev"
    assert "KmsKeyId" not in gone["Properties"]


def test_wickie_rotates_its_password_and_the_server_starts_anew(both: Assembly) -> None:
    schedule = both.only("AWS::SecretsManager::RotationSchedule", ROTATION)["Properties"]
    assert schedule["SecretId"] == "wickie/dev/prefect-database"
    refresh = both.statements(ROTATION, "Refresh")
    assert "service/wickie-dev-prefect/server" in on(refresh, "ecs:UpdateService")
    attached = both.only("AWS::SecretsManager::SecretTargetAttachment", STACK)["Properties"]
    assert attached["TargetType"] == "AWS::RDS::DBInstance"


def test_the_worker_starts_flows_of_this_stage_and_hears_how_they_end(both: Assembly) -> None:
    statements = both.statements(STACK, "WorkerTaskRole")
    assert actions(statements) == {*SUBMIT_PERMISSIONS, *OBSERVE_PERMISSIONS}
    assert ":task-definition/wickie-dev-flows:*" in on(statements, "ecs:RunTask")
    (passes,) = (s for s in statements if "iam:PassRole" in actions([s]))
    assert len(passes["Resource"]) == 2
    assert "FlowExecutionRole" in json.dumps(passes["Resource"])
    assert "FlowTaskRole" in json.dumps(passes["Resource"])
    assert "TaskEvents" in on(statements, "sqs:ReceiveMessage")


def test_the_server_may_do_nothing_in_aws_unless_session_manager_is_to_enter_it(
    both: Assembly,
) -> None:
    assert both.statements(STACK, "ServerTaskRole") == []
    assert container(both, "worker")["ReadonlyRootFilesystem"] is True
    assert {container(both, name)["User"] for name in ("server", "worker")} == {"10001"}
    assert service(both, "server")["EnableExecuteCommand"] is False
    channels = actions(both.statements(LONE, "ServerTaskRole"))
    assert {a.partition(":")[0] for a in channels} == {"ssmmessages"}
    assert service(both, "server", LONE)["EnableExecuteCommand"] is True
    assert (
        container(both, "server", LONE)["env"]["PREFECT_UI_API_URL"] == "http://localhost:4200/api"
    )


def test_what_tells_prefect_and_what_asks_it_are_in_its_network(both: Assembly) -> None:
    for stack in ("WickieRegistration-dev", "WickieResponse-dev", "WickieRegistration-lone"):
        function = both.only(FUNCTION, stack)["Properties"]
        assert len(function["VpcConfig"]["SubnetIds"]) == 2
    told = both.only("Custom::WickieRegistration", "WickieRegistration-dev")["Properties"]
    assert told["ApiUrl"] == "http://prefect.wickie-dev.internal:4200/api"
    assert told["AuthStringSecret"] == "wickie/dev/prefect-auth"


def test_every_service_that_server_and_worker_ask_has_an_endpoint(both: Assembly) -> None:
    found = json.dumps(both.resources("AWS::EC2::VPCEndpoint", "WickieNetwork-lone"))
    for name in ("ecs", "ec2", "sqs", "logs", "secretsmanager", "ssmmessages", "ecr.dkr", "s3"):
        assert f'".{name}"' in found, name


def test_tags_and_boundary_are_on_it_too(both: Assembly) -> None:
    roles = both.resources("AWS::IAM::Role", STACK).values()
    assert len(roles) == 4
    assert all("boundary" in r["Properties"]["PermissionsBoundary"] for r in roles)
    for type_ in (SERVICE, "AWS::RDS::DBInstance", "AWS::SecretsManager::Secret"):
        for resource in both.resources(type_, STACK).values():
            assert {"Key": "team", "Value": "shop"} in resource["Properties"]["Tags"]


def test_what_it_costs_is_said(both: Assembly, existing: Config, tmp_path: Path) -> None:
    said = idle_cost(both.directory, existing)
    assert "3 quarter of a vCPU, always on x $7.39  $22.16" in said
    assert "3 half GB of memory, always on x $1.62  $4.87" in said
    assert "1 db.t4g.micro x $11.68  $11.68" in said
    assert "2 ten GB of a database x $1.15  $2.30" in said
    assert "1 private zone x $0.50  $0.50" in said
    other = both.only(DATABASE, STACK)
    other["Properties"]["DBInstanceClass"] = "db.m7g.large"
    template = tmp_path / "WickiePrefect-dev.template.json"
    template.write_text(json.dumps({"Resources": {"Instance": other}}))
    said = idle_cost(tmp_path, existing)
    assert "and a database of db.m7g.large, by the hour" in said
    assert "db.t4g.micro" not in said
