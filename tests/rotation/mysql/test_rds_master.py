"""The master user of an RDS or Aurora that speaks MySQL: moto keeps it, a real MariaDB judges."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace

import pytest

from bench.faults.standins.rds import Rds
from tests.rotation.mysql.conftest import changed
from wickie.errors import ConfigError
from wickie.model import Verdict
from wickie.providers import Context
from wickie.providers.mywire import account, literal, session
from wickie.providers.rds_master import RdsMaster
from wickie.rotation.driver import Step

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def rds(aws, plain):
    del aws  # moto goes first

    def statement(user: str, password: str) -> str:
        return f"alter user {account(user, '%')} identified by {literal(password)}"

    with pytest.MonkeyPatch.context() as patch:
        rds = Rds(plain.run, statement=statement)
        rds.install(patch)
        yield rds


@pytest.fixture
def master(aws, plain, rds):
    """The player, and the login of an instance's master user."""
    rds.modified.clear()
    identifier, login = f"orders-{uuid.uuid4().hex[:8]}", plain.user()
    aws.clients.rds.create_db_instance(
        DBInstanceIdentifier=identifier,
        DBInstanceClass="db.t4g.micro",
        Engine="mariadb",
        EngineVersion="10.11.8",
        AllocatedStorage=20,
        MasterUsername=login.username,
        MasterUserPassword=login.password.reveal(),
        Port=login.port,
    )
    options = {"resource": f"db:{identifier}"}
    settings = replace(aws.settings, engine="rds-master", strategy="single-user", options=options)
    return replace(aws, settings=settings), login


def test_the_password_is_set_by_rds_and_the_old_one_refused(master, plain, rds):
    player, login = master
    arn = player.store(login)
    player.rotate(arn)
    new = player.value(arn)
    assert plain.verdict(changed(new)) is Verdict.LIVE
    assert plain.verdict(login) is Verdict.DEAD
    assert rds.modified == [player.settings.options["resource"].removeprefix("db:")]


def test_retiring_ends_the_sessions_of_the_old_password(master, plain):
    player, login = master
    arn = player.store(login)
    old = player.version(arn)
    with session(login, None) as attacker:
        player.rotate(arn)
        number = attacker.one("select connection_id()")
        assert player.act("retire", arn, old)["verdict"] == "DEAD"
        left = plain.run("select id from information_schema.processlist")
        assert number not in {str(row[0]) for row in left}


@pytest.mark.parametrize("engine", ["mysql", "aurora-mysql", "mariadb"])
def test_no_longer_password_is_made_than_rds_takes_for_it(master, engine):
    player, login = master
    document = json.loads(login.to_secret_string()) | {"engine": engine}
    provider = RdsMaster(Context(player.clients, player.settings.options))
    assert provider.parse(json.dumps(document), "s").longest == 41
    too_long = replace(player, settings=replace(player.settings, passwords={"length": 42}))
    arn = player.store(json.dumps(document))
    with pytest.raises(ConfigError, match="choose 24 to 41"):
        too_long.step(arn, Step.CREATE, too_long.begin(arn))
