"""The RDS master user: moto keeps the instances, a real PostgreSQL judges the passwords."""

from __future__ import annotations

import json
import secrets
import uuid
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from bench.faults.standins.rds import Rds
from local.postgres import Postgres
from wickie.credentials import Sensitive
from wickie.errors import ConfigError, ProviderError, ProviderUnavailableError, RotationError
from wickie.model import Verdict
from wickie.providers import Context
from wickie.providers.pgwire import session
from wickie.providers.rds_master import RdsMaster
from wickie.rotation.driver import Step

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(request):
    server_class = request.getfixturevalue("server").__class__
    with Postgres(tls=False) as postgres:  # a handshake per login would take most of the time
        yield server_class(postgres)


@pytest.fixture(scope="module")
def rds(aws, server):
    del aws  # moto goes first
    with pytest.MonkeyPatch.context() as patch:
        rds = Rds(server.run)
        rds.install(patch)
        yield rds


@dataclass(frozen=True)
class Master:
    """A master user, its instance or cluster, and the secret for it."""

    aws: Any
    login: Any
    resource: str
    arn: str

    @property
    def provider(self) -> RdsMaster:
        return RdsMaster(Context(self.aws.clients, {"resource": self.resource}))

    def value(self, label: str = "AWSCURRENT") -> Any:
        return self.aws.value(self.arn, label)

    def rotate(self, token: str | None = None) -> str:
        return self.aws.rotate(self.arn, token)

    def pointed_at(self, resource: str) -> Master:
        settings = replace(self.aws.settings, options={"resource": resource})
        return replace(self, resource=resource, aws=replace(self.aws, settings=settings))


def make(aws, server, kind, **more):
    login, identifier = server.user(), f"orders-{uuid.uuid4().hex[:8]}"
    common = {
        "MasterUsername": login.username,
        "MasterUserPassword": login.password.reveal(),
        "Port": login.port,
    }
    if "ManageMasterUserPassword" in more:
        del common["MasterUserPassword"]
    if kind == "db":
        aws.clients.rds.create_db_instance(
            DBInstanceIdentifier=identifier,
            DBInstanceClass="db.t4g.micro",
            Engine="postgres",
            AllocatedStorage=20,
            **common | more,
        )
    else:
        aws.clients.rds.create_db_cluster(
            DBClusterIdentifier=identifier, Engine="aurora-postgresql", **common | more
        )
    settings = replace(
        aws.settings,
        engine="rds-master",
        strategy="single-user",
        options={"resource": f"{kind}:{identifier}"},
    )
    player = replace(aws, settings=settings)
    return Master(player, login, f"{kind}:{identifier}", player.store(login))


@pytest.fixture
def master(aws, server, rds):
    rds.delay = 0.0
    rds.modified.clear()
    return make(aws, server, "db")


@pytest.mark.parametrize("kind", ["db", "cluster"])
def test_the_password_is_set_by_rds_and_the_old_one_refused(aws, server, rds, kind):
    master = make(aws, server, kind)
    rds.modified.clear()
    master.rotate()
    assert server.verdict(master.value()) is Verdict.LIVE
    assert server.verdict(master.login) is Verdict.DEAD
    assert rds.modified == [master.resource.partition(":")[2]]
    assert master.value().document["team"] == "lighthouse"


def test_a_change_that_takes_its_time_is_waited_for(master, server, rds):
    rds.delay = 0.7
    master.rotate()
    assert server.verdict(master.value()) is Verdict.LIVE
    assert len(rds.modified) == 1


def test_a_change_that_outlasts_the_function_is_gone_on_waiting_for(master, server, rds):
    rds.delay = 1.5
    token = master.aws.until(master.arn, Step.SET)
    short = replace(master.aws, seconds_left=10.5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("wickie.rotation.driver._NEEDED_SECONDS", 1)
        with pytest.raises(ProviderUnavailableError, match="has not applied the new password"):
            short.step(master.arn, Step.SET, token)
    assert server.verdict(master.value()) is Verdict.LIVE
    master.rotate(token)
    assert server.verdict(master.value()) is Verdict.LIVE
    assert len(rds.modified) == 1


def test_retire_ends_sessions_and_restore_goes_back(master, server):
    version = master.aws.version(master.arn)
    with ExitStack() as stack:
        stack.enter_context(pytest.raises(ProviderUnavailableError))
        attacker = stack.enter_context(session(master.login, None))
        new = master.rotate()
        assert attacker.run("select 1") == [[1]]
        assert master.aws.act("retire", master.arn, version)["verdict"] == "DEAD"
        attacker.run("select 1")
    master.rotate()
    assert master.aws.act("restore", master.arn, new)["verdict"] == "LIVE"
    assert server.verdict(master.value()) is Verdict.LIVE


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"host": "127.0.0.1"}, "abandoned, correct host and port"),
        ({"port": 1}, "abandoned, correct host and port"),
        ({"username": "other"}, "abandoned, correct username"),
    ],
)
def test_a_secret_for_another_endpoint_or_user_resets_no_password(master, server, rds, change, why):
    document = json.loads(master.login.to_secret_string()) | change
    arn = master.aws.store(json.dumps(document))
    token = master.aws.until(arn, Step.SET)
    with pytest.raises(ProviderError, match=why):
        master.aws.step(arn, Step.SET, token)
    assert rds.modified == []
    assert server.verdict(master.login) is Verdict.LIVE


def test_no_password_is_sent_to_an_endpoint_that_is_not_the_resources(master, monkeypatch):
    monkeypatch.setattr(RdsMaster, "_database_of", lambda *_: pytest.fail("signed in"))
    elsewhere = replace(master.login, host="elsewhere")
    with pytest.raises(ProviderError, match="the secret is for elsewhere"):
        master.provider.sign_in(elsewhere)


def test_a_wrong_current_password_does_not_become_a_right_one(master, server, rds):
    wrong = replace(master.login, password=Sensitive(secrets.token_urlsafe(24)))
    arn = master.aws.store(wrong)
    with pytest.raises(RotationError, match="AWSCURRENT is not honoured"):
        master.aws.rotate(arn)
    assert rds.modified == []
    assert server.verdict(master.login) is Verdict.LIVE


@pytest.mark.parametrize("kind", ["db", "cluster"])
def test_a_password_that_rds_manages_itself_is_left_to_it(aws, server, rds, kind):
    master = make(aws, server, kind, ManageMasterUserPassword=True)
    rds.modified.clear()
    with pytest.raises(ConfigError, match=r"RDS itself manages .* in arn:aws:secretsmanager"):
        master.rotate()
    assert rds.modified == []


def test_an_instance_of_a_cluster_points_to_its_cluster(aws, server, rds):
    del rds
    cluster = make(aws, server, "cluster")
    member = f"member-{uuid.uuid4().hex[:8]}"
    aws.clients.rds.create_db_instance(
        DBInstanceIdentifier=member,
        DBInstanceClass="db.t4g.medium",
        Engine="aurora-postgresql",
        DBClusterIdentifier=cluster.resource.partition(":")[2],
    )
    with pytest.raises(ConfigError, match=rf"set options\.resource to {cluster.resource}"):
        cluster.pointed_at(f"db:{member}").rotate()


@pytest.mark.parametrize(
    ("resource", "why"),
    [
        ("orders", r"is neither db:<instance> nor cluster:<cluster>"),
        ("instance:orders", r"is neither db:<instance> nor cluster:<cluster>"),
        ("db:nowhere", r"RDS knows no db:nowhere here; correct options\.resource"),
        ("cluster:nowhere", r"RDS knows no cluster:nowhere here"),
    ],
)
def test_a_resource_that_does_not_exist_is_named(master, resource, why):
    with pytest.raises(ConfigError, match=why):
        master.pointed_at(resource).rotate()


def test_a_busy_instance_is_asked_again_later(master, rds, monkeypatch):
    def busy(**_):
        error = {"Code": "InvalidDBInstanceState", "Message": "not available"}
        raise ClientError({"Error": error}, "ModifyDBInstance")

    monkeypatch.setattr(master.aws.clients.rds, "modify_db_instance", busy)
    with pytest.raises(ProviderUnavailableError, match="is busy with another change"):
        master.rotate()
    assert rds.modified == []


@pytest.mark.parametrize("engine", ["oracle", "db2"])
def test_an_engine_that_it_cannot_judge_is_refused(master, engine):
    document = json.loads(master.login.to_secret_string()) | {"engine": engine}
    with pytest.raises(
        ConfigError, match=f"does not serve engine '{engine}'; it serves postgres, mysql, mariadb"
    ):
        master.provider.parse(json.dumps(document), "s")


@pytest.mark.parametrize(
    ("kind", "policy", "taken"),
    [
        ("db", {"length": 41}, True),
        ("cluster", {"length": 41}, True),
        ("cluster", {"length": 42}, False),
        ("db", {"length": 24, "symbols": "@"}, False),
        ("db", {"length": 24, "symbols": "!"}, True),
    ],
)
@pytest.mark.usefixtures("rds")
def test_a_password_that_rds_would_refuse_is_never_stored(aws, server, kind, policy, taken):
    master = make(aws, server, kind)
    settings = replace(master.aws.settings, passwords=policy)
    player = replace(master.aws, settings=settings)
    token = player.begin(master.arn)
    if taken:
        player.step(master.arn, Step.CREATE, token)
        return
    with pytest.raises(ConfigError, match=r"choose 24 to 41|does not take @"):
        player.step(master.arn, Step.CREATE, token)
    with pytest.raises(player.client.exceptions.ResourceNotFoundException):
        player.client.get_secret_value(SecretId=master.arn, VersionId=token)
