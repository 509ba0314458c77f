"""Whole rotations of users of a real MariaDB, with Secrets Manager played as AWS documents it."""

from __future__ import annotations

import threading
from dataclasses import replace

import pymysql
import pytest

from tests.rotation.asking import signing_in
from tests.rotation.mysql.conftest import changed
from wickie.credentials import Sensitive
from wickie.errors import AuthenticationError, ConfigError, ProviderUnavailableError, RotationError
from wickie.model import Verdict
from wickie.providers.mywire import account
from wickie.rotation.driver import Step

pytestmark = pytest.mark.slow


@pytest.fixture
def alternating(aws, server):
    return aws.using("alternating-users", master=aws.store(server.admin))


def test_single_user_ends_with_the_new_password_alone(aws, server):
    old = server.user()
    arn = aws.store(old)
    aws.rotate(arn)
    new = aws.value(arn)
    assert new.username == old.username
    assert server.verdict(new) is Verdict.LIVE
    assert server.verdict(old) is Verdict.DEAD


def test_alternating_users_keep_the_old_credential_alive_for_one_rotation(alternating, server):
    first = server.user(host="127.%")
    arn = alternating.store(first)
    alternating.rotate(arn)
    second = alternating.value(arn)
    assert second.username == f"{first.username}_clone"
    assert server.verdict(first) is server.verdict(second) is Verdict.LIVE

    alternating.rotate(arn)
    third = alternating.value(arn)
    assert third.username == first.username
    assert server.verdict(first) is Verdict.DEAD
    assert server.verdict(second) is server.verdict(third) is Verdict.LIVE


def test_a_retired_user_is_refused_and_its_sessions_end(alternating, server):
    old = server.user()
    arn = alternating.store(old)
    version = alternating.version(arn)
    alternating.rotate(arn)
    session = pymysql.connect(
        host="localhost", port=old.port, user=old.username, password=old.password.reveal()
    )
    assert alternating.act("retire", arn, version)["verdict"] == "DEAD"
    assert server.verdict(old) is Verdict.DEAD
    assert server.verdict(alternating.value(arn)) is Verdict.LIVE
    with pytest.raises(pymysql.OperationalError):
        session.ping(reconnect=False)


def test_a_clone_that_may_do_less_is_not_promoted(alternating, server):
    base = server.user()
    who = account(base.username, "%")
    server.run("create database if not exists till", f"grant select, insert on till.* to {who}")
    arn = alternating.store(base)
    token = alternating.begin(arn)
    alternating.step(arn, Step.CREATE, token)
    alternating.step(arn, Step.SET, token)
    server.run(f"revoke insert on till.* from {account(f'{base.username}_clone', '%')}")
    for step in (Step.TEST, Step.FINISH):
        with pytest.raises(AuthenticationError, match=r"as INSERT ON `till`.*may do less"):
            alternating.step(arn, step, token)
    assert alternating.value(arn).username == base.username

    alternating.rotate(arn, token)  # the retry of Secrets Manager mends it
    assert alternating.version(arn) == token


def test_no_password_reaches_the_servers_log(aws, alternating, server):
    single, pair = aws.store(server.user()), alternating.store(server.user())
    values = []
    for _ in range(2):
        aws.rotate(single)
        alternating.rotate(pair)
        values += [aws.value(single), alternating.value(pair)]
    log = server.local.log_text()
    assert all(f"{value.username}@127.0.0.1" in log for value in values)
    assert not [value.username for value in values if value.password.reveal() in log]


def test_wrong_current_password_abandons_and_changes_nothing(aws, alternating, server):
    user = server.user()
    for player in (aws, alternating):
        arn = player.store(replace(user, password=Sensitive("wrong" * 8)))
        before = player.version(arn)
        with pytest.raises(RotationError, match="AWSCURRENT is not honoured"):
            player.rotate(arn)
        assert player.version(arn) == before
    assert server.verdict(user) is Verdict.LIVE


def test_two_secrets_for_one_user_never_leave_a_promoted_value_dead(aws, server):
    user = server.user()
    arns = [aws.store(user) for _ in range(2)]
    tokens = [aws.begin(arn) for arn in arns]
    for arn, token in zip(arns, tokens, strict=True):
        aws.step(arn, Step.CREATE, token)
    failures: list[Exception] = []

    def run(arn: str, token: str) -> None:
        try:
            aws.rotate(arn, token)
        except (ConfigError, ProviderUnavailableError, RotationError) as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=pair) for pair in zip(arns, tokens, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    promoted = [a for a, t in zip(arns, tokens, strict=True) if aws.version(a) == t]
    assert len(promoted) == len(failures) == 1
    assert server.verdict(aws.value(promoted[0])) is Verdict.LIVE


def test_alternating_users_refuse_no_login_while_they_rotate(alternating, server):
    arn = alternating.store(server.user())
    with signing_in(lambda: server.verdict(alternating.value(arn))) as client:
        for _ in range(6):
            alternating.rotate(arn)
            client.goes_on()
    assert set(client.verdicts) == {Verdict.LIVE}


def test_a_users_tls_requirement_holds_for_both(alternating, server):
    base = server.user(options="require ssl")
    arn = alternating.store(base)
    alternating.rotate(arn)
    clone = alternating.value(arn)
    assert server.verdict(clone) is Verdict.LIVE
    assert server.verdict(changed(clone, ssl=False)) is Verdict.DEAD
