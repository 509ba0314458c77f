"""Rotation against a real PostgreSQL, with Secrets Manager played as AWS documents it."""

from __future__ import annotations

import json
import secrets
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import boto3
import pg8000.native
import pytest
from moto import mock_aws
from moto.backends import get_backend
from moto.core import DEFAULT_ACCOUNT_ID
from moto.secretsmanager import models
from moto.secretsmanager.exceptions import ResourceExistsException

import local.secretsmanager
from bench.faults.standins.valkey import Server as ValkeyServer
from local.postgres import Postgres as PostgresServer
from local.valkey import Valkey
from local.world import REGION
from tests.rotation.fakes import FakeDatabase, login
from wickie.aws import Clients
from wickie.credentials import DatabaseLogin, Sensitive
from wickie.model import Verdict
from wickie.providers import Context, verify
from wickie.providers.pgwire import session
from wickie.providers.postgres import Postgres
from wickie.providers.registry import Engine, find_engine
from wickie.rotation.driver import Step
from wickie.rotation.registry import RotationSettings, respond

TABLE = "fingerprints"


def postgres(ca_bundle: str | None = None) -> Postgres:
    """The provider under test."""
    return Postgres(Context(Clients(), ca_bundle=ca_bundle))


@dataclass(frozen=True)
class Server:
    """A PostgreSQL server as its administrator sees it."""

    postgres: PostgresServer

    @property
    def admin(self) -> DatabaseLogin:
        return self.postgres.admin

    def run(self, *statements: str) -> Any:
        with session(self.admin, None) as connection:
            for statement in statements:
                rows = connection.run(statement)
            return rows

    def user(self, name: str | None = None, options: str = "") -> DatabaseLogin:
        """A new role that may sign in."""
        name = name or f"app_{uuid.uuid4().hex[:12]}"
        password = Sensitive(secrets.token_urlsafe(24))
        literal = pg8000.native.literal(password.reveal())
        self.run(f'create role "{name}" login password {literal} {options}')
        return self.login(name, password)

    def login(self, name: str, password: Sensitive) -> DatabaseLogin:
        document = {**self.admin.document, "username": name, "team": "lighthouse"}
        return replace(self.admin, username=name, password=password, document=document)

    def verdict(self, login: DatabaseLogin) -> Verdict:
        return verify(postgres(), login)[0]


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with PostgresServer(settings={"log_statement": "ddl"}) as postgres:
        yield Server(postgres)


@pytest.fixture(scope="session")
def valkey() -> Iterator[ValkeyServer]:
    with Valkey() as running:
        yield ValkeyServer(running)


@dataclass
class SecretsManager:
    """Plays Secrets Manager: stages an empty AWSPENDING, sends the steps, repeats on demand."""

    settings: RotationSettings
    clients: Any
    seconds_left: float = 60.0

    @property
    def client(self) -> Any:
        return self.clients.secrets_manager

    def store(self, login: DatabaseLogin | str, **more: Any) -> str:
        value = login
        if isinstance(login, DatabaseLogin):
            value = json.dumps(json.loads(login.to_secret_string()) | more)
        return self.client.create_secret(Name=f"s-{uuid.uuid4()}", SecretString=value)["ARN"]

    def using(self, strategy: str, master: str | None = None, **more: Any) -> SecretsManager:
        settings = replace(self.settings, strategy=strategy, master=master, **more)
        return replace(self, settings=settings)

    def begin(self, arn: str) -> str:
        """What RotateSecret does first. Asking again for a version that exists does nothing."""
        token = str(uuid.uuid4())
        self.stored(arn).versions[token] = {
            "createdate": int(time.time()),
            "version_id": token,
            "version_stages": ["AWSPENDING"],
        }
        return token

    def send(self, event: dict[str, str]) -> Any:
        return respond(event, self.settings, self.clients, lambda: self.seconds_left)

    def step(self, arn: str, step: Step, token: str) -> None:
        self.send({"Step": step.value, "SecretId": arn, "ClientRequestToken": token})

    def until(self, arn: str, last: Step) -> str:
        """Do the steps before `last` and return the token."""
        token = self.begin(arn)
        for step in Step:
            if step is last:
                break
            self.step(arn, step, token)
        return token

    def rotate(self, arn: str, token: str | None = None) -> str:
        token = token or self.begin(arn)
        for step in Step:
            self.step(arn, step, token)
        self.tidy(arn)
        return token

    def tidy(self, arn: str) -> None:
        """Take AWSPENDING off what has become current, as AWS does after a success."""
        secret = self.stored(arn)
        secret.last_changed_date = int(time.time())
        for version in secret.versions.values():
            if "AWSCURRENT" in version["version_stages"]:
                version["version_stages"] = ["AWSCURRENT"]

    def put_by_hand(self, arn: str, login: DatabaseLogin) -> None:
        """A person stores a value, which gives up a rotation under way."""
        secret = self.stored(arn)
        secret.default_version_id = self.version(arn)  # moto forgets it where a label moves
        for version in secret.versions.values():
            version["version_stages"] = [s for s in version["version_stages"] if s != "AWSPENDING"]
        self.client.put_secret_value(SecretId=arn, SecretString=login.to_secret_string())

    def let_pass(self, arn: str, seconds: float) -> None:
        """Have all that befell the secret so far lie further back."""
        secret = self.stored(arn)
        secret.last_changed_date -= seconds
        for version in secret.versions.values():
            version["createdate"] -= seconds

    def stored(self, arn: str) -> Any:
        return models.secretsmanager_backends[DEFAULT_ACCOUNT_ID][REGION].secrets[arn]

    def act(
        self, action: str, arn: str, version: str | None = None, **wishes: str
    ) -> dict[str, str]:
        event = {"Action": action, "SecretId": arn, **wishes}
        answer: dict[str, str] = self.send(event | ({"VersionId": version} if version else {}))
        return answer

    def let_leases_end(self) -> None:
        """As if the functions that were cut off had been so for a while."""
        table = {"TableName": TABLE}
        for item in self.clients.dynamodb.scan(**table)["Items"]:
            if item.pop("owner", None):
                self.clients.dynamodb.put_item(**table, Item=item)

    def forget_users(self) -> None:
        """Take out of the table which secret a user is for, and who holds a lease."""
        items = get_backend("dynamodb")[DEFAULT_ACCOUNT_ID][REGION].tables[TABLE].items
        for key in [key for key in items if key.startswith("lock#")]:
            del items[key]

    def version(self, arn: str, label: str = "AWSCURRENT") -> str | None:
        labels = self.client.describe_secret(SecretId=arn)["VersionIdsToStages"]
        return next((version for version, names in labels.items() if label in names), None)

    def value(self, arn: str, label: str = "AWSCURRENT") -> DatabaseLogin:
        version = self.version(arn, label)
        reply = self.client.get_secret_value(SecretId=arn, VersionId=version)
        provider = find_engine(self.settings.engine).open(
            Context(self.clients, self.settings.options)
        )
        value: DatabaseLogin = provider.parse(reply["SecretString"], arn)
        return value

    def stages(self, arn: str) -> dict[str, str]:
        """What the fingerprint table holds: version to stage."""
        items = self.clients.dynamodb.query(
            TableName=TABLE,
            KeyConditionExpression="secret = :secret",
            ExpressionAttributeValues={":secret": {"S": arn}},
        )["Items"]
        return {item["version"]["S"]: item["stage"]["S"] for item in items}


def _refuse_other_value(patch: pytest.MonkeyPatch) -> None:
    """Moto lets a version that is AWSPENDING be overwritten; AWS does not."""
    check = models.SecretsManagerBackend._check_with_existing_secrets_and_versions

    def strict(self: Any, name: str, token: str, text: str, binary: Any, **more: Any) -> Any:
        secret = self.secrets.get(name) if name in self.secrets.keys() else None  # noqa: SIM118
        version = secret.versions.get(token) if secret else None
        if version and "secret_string" in version:
            if version["secret_string"] == text:
                return secret
            raise ResourceExistsException("a version with this token has another value")
        return check(self, name, token, text, binary, **more)

    name = "_check_with_existing_secrets_and_versions"
    patch.setattr(models.SecretsManagerBackend, name, strict)


def _tell_when_versions_were_made(patch: pytest.MonkeyPatch) -> None:
    """Moto says of all that they were made just now, and lists those that have no value yet."""
    patch.setattr(
        models.SecretsManagerBackend,
        "list_secret_version_ids",
        local.secretsmanager._list_secret_version_ids,
    )


def make_table(clients: Clients) -> RotationSettings:
    """Make the fingerprint table and its key as the stacks do."""
    clients.dynamodb.create_table(
        TableName=TABLE,
        KeySchema=[
            {"AttributeName": "secret", "KeyType": "HASH"},
            {"AttributeName": "version", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "secret", "AttributeType": "S"},
            {"AttributeName": "version", "AttributeType": "S"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    key = clients.kms.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")
    return RotationSettings("postgres", "single-user", TABLE, key["KeyMetadata"]["KeyId"])


@pytest.fixture(scope="session")
def new_table() -> Callable[[Clients], RotationSettings]:
    """For a test that brings an AWS of its own."""
    return make_table


@pytest.fixture(scope="module")
def aws() -> Iterator[SecretsManager]:
    """One for all tests of a module, each with secrets of its own: making it takes long."""
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        _refuse_other_value(patch)
        _tell_when_versions_were_made(patch)
        session = boto3.Session("testing", "testing", region_name=REGION)
        clients = Clients(session)
        yield SecretsManager(make_table(clients), clients)


@pytest.fixture(autouse=True)
def _nobody_keeps_a_user(request: pytest.FixtureRequest) -> None:
    """The tests of a module share a table, and those of a fake database its one user."""
    if "aws" in request.fixturenames:
        aws = request.getfixturevalue("aws")
        if isinstance(aws, SecretsManager):  # a folder may have an AWS of its own
            aws.forget_users()


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> FakeDatabase:
    """In the place of PostgreSQL, for tests of what is asked of it."""
    fake = FakeDatabase(app="first-password", admin="admin-password")
    monkeypatch.setattr(Engine, "open", lambda *_: fake)
    return fake


@pytest.fixture
def arn(aws: SecretsManager) -> str:
    """A secret for the one user of the fake database."""
    return aws.store(login())


@pytest.fixture
def alternating_fake(aws: SecretsManager) -> SecretsManager:
    """Two users taking turns, and the administrator of the fake database."""
    return aws.using("alternating-users", master=aws.store(login("admin", "admin-password")))
