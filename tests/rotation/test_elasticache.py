"""ElastiCache and MemoryDB users: AWS's API by a stand-in, sign-in by a real Valkey."""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import replace

import pytest
from botocore.exceptions import ConnectTimeoutError

from bench.faults.standins.managed_users import ID, ManagedUser
from tests.rotation.asking import signing_in
from wickie.credentials import Sensitive
from wickie.errors import (
    AuthenticationError,
    ConfigError,
    ProviderError,
    ProviderUnavailableError,
    RotationError,
)
from wickie.model import Verdict
from wickie.providers.redis import sha256
from wickie.rotation.driver import Step

pytestmark = pytest.mark.slow


@pytest.fixture(params=["elasticache", "memorydb"])
def service(request):
    return request.param


@pytest.fixture
def player(aws, service):
    return aws.using("dual-password", engine=service, options={"user": ID})


@pytest.fixture
def user(player, service, valkey, monkeypatch):
    monkeypatch.setattr("wickie.providers.elasticache._PAUSE_SECONDS", 0.01)
    managed = ManagedUser(service, valkey)
    client = getattr(player.clients, service)
    managed.attach(client)
    yield managed
    managed.detach(client)


@pytest.fixture
def arn(player, user):
    return player.store(user.login)


def test_the_old_password_works_beside_the_new_one_until_the_next_rotation(
    player, user, valkey, arn
):
    player.rotate(arn)
    second = player.value(arn)
    assert valkey.verdict(user.login) is valkey.verdict(second) is Verdict.LIVE
    player.rotate(arn)
    third = player.value(arn)
    assert valkey.hashes(second) == {sha256(second.password), sha256(third.password)}
    assert valkey.verdict(user.login) is Verdict.DEAD
    assert len(user.changes) == 2


def test_retired_the_old_password_is_refused_and_its_sessions_end(player, user, valkey, arn):
    version = player.version(arn)
    with ExitStack() as stack:
        stack.enter_context(pytest.raises(ProviderUnavailableError))
        attacker = stack.enter_context(valkey.session(user.login))
        player.rotate(arn)
        assert attacker.run("PING") == "PONG"
        assert player.act("retire", arn, version)["verdict"] == "DEAD"
        attacker.run("PING")
    assert valkey.hashes(user.login) == {sha256(player.value(arn).password)}


def test_a_step_cut_short_while_aws_is_at_work_goes_on_waiting_when_repeated(player, user, arn):
    user.looks = 8
    token = player.until(arn, Step.SET)
    with pytest.MonkeyPatch.context() as out_of_time:
        out_of_time.setattr("wickie.providers.elasticache._RESERVED_SECONDS", 60)
        for _ in range(2):
            with pytest.raises(ProviderUnavailableError, match="still modifying user app-1"):
                player.step(arn, Step.SET, token)
    player.rotate(arn, token)
    assert player.version(arn) == token
    assert len(user.changes) == 1


def test_active_is_not_enough_a_real_sign_in_judges(player, user, arn):
    user.applies = False
    before = player.version(arn)
    token = player.until(arn, Step.TEST)
    for step in (Step.TEST, Step.FINISH):
        with pytest.raises(AuthenticationError):
            player.step(arn, step, token)
    assert player.version(arn) == before
    user.applies = True
    player.rotate(arn, token)
    assert player.version(arn) == token


def test_while_a_change_is_under_way_no_password_is_called_dead(player, user, arn, monkeypatch):
    monkeypatch.setattr("wickie.providers.elasticache._RESERVED_SECONDS", 60)
    user.begin("0" * 24)
    answer = player.act("verify", arn, player.version(arn))
    assert answer["verdict"] == "UNKNOWN"
    assert "still modifying" in answer["detail"]


def test_no_login_is_refused_while_aws_is_at_work(player, user, valkey, arn, monkeypatch):
    monkeypatch.setattr("wickie.providers.elasticache._PAUSE_SECONDS", 0.1)
    user.looks = 4
    with signing_in(lambda: valkey.verdict(player.value(arn))) as client:
        for _ in range(3):
            player.rotate(arn)
            client.goes_on()
    assert set(client.verdicts) == {Verdict.LIVE}


def test_a_wrong_current_password_changes_nothing(player, user):
    arn = player.store(replace(user.login, password=Sensitive("wrong" * 5)))
    with pytest.raises(RotationError, match="AWSCURRENT is not honoured"):
        player.rotate(arn)
    assert not user.changes


@pytest.mark.parametrize(
    ("code", "kind", "text"),
    [
        ("InvalidUserState", ProviderUnavailableError, "cannot change user app-1 now"),
        ("InvalidUserStateFault", ProviderUnavailableError, "try again later"),
        ("ThrottlingException", ProviderUnavailableError, "try again later"),
        ("UserNotFound", ConfigError, r"has no user app-1 here.*options\.user"),
        ("UserNotFoundFault", ConfigError, "has no user app-1 here"),
        ("AccessDenied", ConfigError, "not allowed on user app-1: says AWS"),
        ("AccessDeniedException", ConfigError, "run cdk deploy"),
        ("InvalidParameterValue", ProviderError, "says AWS: InvalidParameterValue"),
    ],
)
def test_what_aws_refuses_is_told_apart(player, user, code, kind, text):
    arn = player.store(user.login)
    token = player.until(arn, Step.SET)
    user.fails = (400, code, f"says AWS: {code}")
    with pytest.raises((ProviderError, ConfigError), match=text) as caught:
        player.step(arn, Step.SET, token)
    assert type(caught.value) is kind


def test_a_password_that_aws_quotes_is_taken_out(player, user, arn):
    token = player.until(arn, Step.SET)
    pending = player.value(arn, "AWSPENDING").password.reveal()
    user.fails = (400, "Invalid", f"not allowed: {pending}")
    with pytest.raises(ProviderError, match=r"not allowed: \[redacted\]") as caught:
        player.step(arn, Step.SET, token)
    assert caught.value.__cause__ is None


def test_an_aws_out_of_reach_is_unavailable(player, user, arn):
    token = player.until(arn, Step.SET)
    user.detach(client := getattr(player.clients, user.service))
    client.meta.events.register("before-send", _unreachable)
    try:
        with pytest.raises(ProviderUnavailableError, match="could not be asked about user app-1"):
            player.step(arn, Step.SET, token)
    finally:
        client.meta.events.unregister("before-send", _unreachable)
        user.attach(client)


def _unreachable(**_):
    raise ConnectTimeoutError(endpoint_url="https://service")


def test_the_user_of_another_secret_is_not_changed(player, user, valkey):
    arn = player.store(valkey.user())
    with pytest.raises(ConfigError, match=r"signs in as .* and the secret is for .*options\.user"):
        player.rotate(arn)
    assert not user.changes


def test_a_user_that_authenticates_by_iam_has_nothing_to_rotate(player, user, arn):
    user.authentication = "iam"
    with pytest.raises(ConfigError, match="has no password"):
        player.rotate(arn)
    assert not user.changes


def test_a_secret_is_read_in_the_shape_of_a_database_login(player, user):
    document = {"host": "h", "username": "u", "password": "p"}
    for engine in (user.service, "redis", "valkey"):
        arn = player.store(json.dumps(document | {"engine": engine}))
        assert player.value(arn).place == (user.service, "h", 6379)
