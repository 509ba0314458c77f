"""A real Prefect server's blocks are given the value by the function as it is deployed."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest

from local.prefect import PrefectServer
from local.prefect_api import prefect_api
from local.server import LocalAws
from local.world import ACCOUNT, REGION
from stacks.packaging import archive, build
from tests.rotation.conftest import Server
from tests.until import until_tested
from wickie.aws import Clients
from wickie.errors import AuthenticationError, ConfigError, NotFoundError
from wickie.model import DependentState
from wickie.rotation.dependents.registry import open_dependent
from wickie.rotation.registry import DELIVERY
from wickie.rotation.remote import RemoteSecret
from wickie.rotation.replacement import ReplacementRequest, replace

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

FIELDS = {
    "secret/shop-db": {"value": "password"},
    "aws-credentials/shop": {
        "aws_access_key_id": "username",
        "aws_secret_access_key": "password",
    },
    "aws-credentials/missing": {"aws_access_key_id": "username"},
    "secret/misspelt": {"valeu": "password"},
}


@dataclass
class World:
    """A server that asks for a password, and a function that holds it for some blocks."""

    clients: Clients
    api: httpx.Client
    api_url: str
    home: Path
    auth: str
    logs: Any

    def entry(self, block: str, **more: str) -> dict[str, Any]:
        declared = {"kind": "prefect-block", "block": block, "fields": FIELDS[block]}
        return {**declared, "api_url": self.api_url, "auth_string": "prefect/auth", **more}

    def create(self, block: str, data: dict[str, Any]) -> None:
        slug, name = block.split("/")
        found = self.api.get(f"block_types/slug/{slug}").raise_for_status().json()
        schemas = {"block_schemas": {"block_type_id": {"any_": [found["id"]]}}}
        schema = self.api.post("block_schemas/filter", json=schemas).raise_for_status().json()[0]
        document = {
            "name": name,
            "data": data,
            "block_type_id": found["id"],
            "block_schema_id": schema["id"],
        }
        self.api.post("block_documents/", json=document).raise_for_status()

    def data(self, block: str, *, secrets: bool = True) -> dict[str, Any]:
        slug, name = block.split("/")
        path = f"block_types/slug/{slug}/block_documents/name/{name}"
        reply = self.api.get(path, params={"include_secrets": secrets})
        found: dict[str, Any] = reply.raise_for_status().json()["data"]
        return found

    def value(self, arn: str) -> dict[str, str]:
        reply = self.clients.secrets_manager.get_secret_value(SecretId=arn)
        document: dict[str, str] = json.loads(reply["SecretString"])
        return document


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, new_table: Any) -> Iterator[World]:
    home, auth = tmp_path_factory.mktemp("prefect"), f"wickie:{secrets.token_urlsafe(24)}"
    with LocalAws() as aws, pytest.MonkeyPatch.context() as patch:
        for name, value in aws.environment().items():
            patch.setenv(name, value)
        clients = Clients(boto3.Session(region_name=REGION))
        with PrefectServer(aws.world.processes, home, auth) as server:
            clients.secrets_manager.create_secret(Name="prefect/auth", SecretString=auth)
            basic = base64.b64encode(auth.encode()).decode()
            server.wait()
            with prefect_api(server.api_url) as api:
                api.headers["Authorization"] = f"Basic {basic}"
                world = World(clients, api, server.api_url, home, auth, aws.world.client("logs"))
                world.create("secret/shop-db", {"value": "old"})
                world.create("aws-credentials/shop", {"region_name": "eu-west-1"})
                world.create("secret/misspelt", {"value": "old"})
                _deploy(world, new_table(clients))
                yield world


def _deploy(world: World, settings: Any) -> None:
    clients, trust = world.clients, '{"Version": "2012-10-17", "Statement": []}'
    role = boto3.client("iam").create_role(RoleName="rotate", AssumeRolePolicyDocument=trust)
    clients.lambda_.create_function(
        FunctionName="rotate",
        Runtime="python3.13",
        Handler="lambdas.rotate.lambda_handler",
        Role=role["Role"]["Arn"],
        Timeout=60,
        Code={"ZipFile": archive(build("postgres", also=[DELIVERY]))},
        Environment={
            "Variables": {
                "WICKIE_ENGINE": "postgres",
                "WICKIE_STRATEGY": "single-user",
                "WICKIE_FINGERPRINT_TABLE": settings.fingerprint_table,
                "WICKIE_FINGERPRINT_KEY": settings.fingerprint_key,
                "WICKIE_BLOCKS": json.dumps([world.entry(block) for block in FIELDS]),
            }
        },
    )
    clients.lambda_.add_permission(
        FunctionName="rotate",
        StatementId="rotation",
        Action="lambda:InvokeFunction",
        Principal="secretsmanager.amazonaws.com",
        SourceAccount=ACCOUNT,
    )


@pytest.fixture
def arn(world: World, server: Server) -> str:
    """A secret under rotation, for a user of a real PostgreSQL."""
    client = world.clients.secrets_manager
    value = server.user().to_secret_string()
    arn = client.create_secret(Name=secrets.token_hex(6), SecretString=value)["ARN"]
    client.rotate_secret(
        SecretId=arn,
        RotationLambdaARN=f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:rotate",
        RotationRules={"ScheduleExpression": "rate(10 days)"},
        RotateImmediately=False,
    )
    until_tested(client, arn)
    return arn


def test_a_rotated_secret_is_in_the_blocks_afterwards_and_nowhere_else(
    world: World, arn: str
) -> None:
    blocks = ("secret/shop-db", "aws-credentials/shop")
    dependents = tuple(open_dependent(arn, world.entry(b), world.clients) for b in blocks)
    outcome = replace(ReplacementRequest(arn, dependents=dependents), world.clients)
    assert outcome.error is None
    assert [d.state for d in outcome.dependents] == [DependentState.REFRESHED] * 2
    assert {d.detail for d in outcome.dependents} == {"it holds the value in use"}
    value = world.value(arn)
    assert world.data("secret/shop-db") == {"value": value["password"]}
    assert world.data("aws-credentials/shop") == {
        "aws_access_key_id": value["username"],
        "aws_secret_access_key": value["password"],
        "region_name": "eu-west-1",
    }
    assert world.data("secret/shop-db", secrets=False) == {"value": "********"}
    for path in world.home.rglob("*"):  # database and log of the server
        if path.is_file():
            assert value["password"].encode() not in path.read_bytes(), path
    events = world.logs.filter_log_events(logGroupName="/aws/lambda/rotate")["events"]
    log = "\n".join(event["message"] for event in events)
    assert '"step": "deliver"' in log
    assert not [text for text in (value["password"], world.auth) if text in log]
    assert value["password"] not in repr(outcome)


def test_what_is_in_the_block_already_is_left_alone(world: World, arn: str) -> None:
    dependent = open_dependent(arn, world.entry("secret/shop-db"), world.clients)
    dependent.check()
    dependent.refresh("v")
    assert dependent.refresh("v").detail == "it holds the value in use already"
    assert world.data("secret/shop-db") == {"value": world.value(arn)["password"]}


def test_what_is_amiss_stops_a_rotation_before_it_begins(world: World, arn: str) -> None:
    missing = open_dependent(arn, world.entry("aws-credentials/missing"), world.clients)
    with pytest.raises(NotFoundError, match="block aws-credentials/missing does not exist at"):
        missing.check()
    misspelt = open_dependent(arn, world.entry("secret/misspelt"), world.clients)
    with pytest.raises(ConfigError, match=r"has no field valeu; .* to some of value"):
        misspelt.check()
    before = RemoteSecret.describe(world.clients, arn).current()
    outcome = replace(ReplacementRequest(arn, dependents=(missing,)), world.clients)
    assert "does not exist" in (outcome.error or "")
    assert RemoteSecret.describe(world.clients, arn).current() == before


def test_a_password_that_the_server_refuses_is_told(world: World, arn: str) -> None:
    client = world.clients.secrets_manager
    client.put_secret_value(SecretId="prefect/auth", SecretString="wickie:wrong")
    try:
        dependent = open_dependent(arn, world.entry("secret/shop-db"), world.clients)
        with pytest.raises(AuthenticationError, match=r"refuses wickie \(401\)"):
            dependent.refresh("v")
    finally:
        client.put_secret_value(SecretId="prefect/auth", SecretString=world.auth)
