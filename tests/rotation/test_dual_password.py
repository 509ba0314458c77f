"""Dual passwords, judged by a real server: the old one works until it is retired."""

from __future__ import annotations

import itertools
import json
import secrets
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace

import pytest

from bench.faults.boundaries import watched
from bench.faults.fuse import Died, Fuse
from bench.faults.standins.valkey import PLAIN_USER, SELF_SERVICE
from tests.rotation.asking import signing_in
from wickie.credentials import DatabaseLogin, Sensitive
from wickie.errors import AuthenticationError, ConfigError, ProviderUnavailableError, RotationError
from wickie.model import Verdict
from wickie.providers.redis import sha256
from wickie.rotation.driver import Step

pytestmark = pytest.mark.slow


@pytest.fixture(params=["by itself", "by an administrator"])
def player(request, aws, valkey):
    """Secrets of users who change themselves, or for whom an administrator does."""
    aws = aws.using("dual-password", engine="valkey")
    itself = request.param == "by itself"
    player = aws if itself else aws.using("dual-password", master=aws.store(valkey.admin))
    player.new_user = lambda: valkey.user(SELF_SERVICE if itself else PLAIN_USER)
    return player


def other_value(login: DatabaseLogin) -> DatabaseLogin:
    return replace(login, password=Sensitive(secrets.token_hex(16)))


def put(player, arn: str, login: DatabaseLogin) -> None:
    player.client.put_secret_value(SecretId=arn, SecretString=login.to_secret_string())


def test_the_old_password_works_beside_the_new_one_for_one_rotation(player, valkey):
    arn = player.store(first := player.new_user())
    player.rotate(arn)
    second = player.value(arn)
    assert second.username == first.username
    assert second.document["team"] == "lighthouse"
    assert valkey.verdict(first) is valkey.verdict(second) is Verdict.LIVE
    player.rotate(arn)
    third = player.value(arn)
    assert valkey.verdict(first) is Verdict.DEAD
    assert valkey.hashes(first) == {sha256(second.password), sha256(third.password)}


def test_retired_the_old_password_is_refused_and_its_sessions_end(player, valkey):
    arn = player.store(old := player.new_user())
    version = player.version(arn)
    with ExitStack() as stack:
        stack.enter_context(pytest.raises(ProviderUnavailableError))
        attacker = stack.enter_context(valkey.session(old))
        player.rotate(arn)
        assert attacker.run("PING") == "PONG"
        assert player.act("retire", arn, version)["verdict"] == "DEAD"
        attacker.run("PING")
    assert valkey.hashes(old) == {sha256(player.value(arn).password)}
    assert player.version(arn, "AWSPREVIOUS") is None
    assert player.act("retire", arn, version)["verdict"] == "DEAD"
    player.rotate(arn)
    assert valkey.verdict(player.value(arn)) is Verdict.LIVE


def test_no_login_is_refused_even_of_clients_that_read_late(player, valkey):
    arn = player.store(player.new_user())
    read = [player.value(arn)]

    def late() -> Verdict:
        verdicts = {valkey.verdict(value) for value in (read[0], player.value(arn))}
        return Verdict.LIVE if verdicts == {Verdict.LIVE} else Verdict.DEAD

    with signing_in(late) as client:
        for _ in range(6):
            player.rotate(arn)
            client.goes_on()
            read[0] = player.value(arn)  # not before the rotation is long over
    assert set(client.verdicts) == {Verdict.LIVE}


@pytest.mark.parametrize("repeated", list(Step))
def test_every_step_may_be_repeated(player, valkey, repeated):
    arn = player.store(old := player.new_user())
    token = player.begin(arn)
    for step in Step:
        player.step(arn, step, token)
        if step is repeated:
            player.step(arn, step, token)
    assert player.version(arn) == token
    assert valkey.hashes(old) == {sha256(old.password), sha256(player.value(arn).password)}


@pytest.mark.parametrize(("action", "first"), [("retire", 1), ("restore", 4)])
def test_an_action_killed_here_and_there_is_done_by_its_repetition(player, valkey, action, first):
    broken = []
    for point in itertools.count(first, 7):
        arn = player.store(old := player.new_user())
        version = player.version(arn)
        player.rotate(arn)
        try:
            with watched(Fuse(point, act=lambda fuse, _: fuse.die())):
                player.act(action, arn, version)
        except Died:
            if valkey.verdict(player.value(arn)) is not Verdict.LIVE:
                broken.append(f"{point}: AWSCURRENT was not honoured")
            player.act(action, arn, version)
        else:
            break  # there are no more calls than that
        wanted = Verdict.LIVE if action == "restore" else Verdict.DEAD
        facts = {
            "AWSCURRENT is not honoured": valkey.verdict(player.value(arn)) is Verdict.LIVE,
            f"the old password is not {wanted}": valkey.verdict(old) is wanted,
            "the labels are wrong": (player.version(arn) == version) is (action == "restore"),
        }
        broken += [f"{point}: {wrong}" for wrong, holds in facts.items() if not holds]
    assert not broken
    assert point > 8


def test_restore_goes_back_to_the_password_before_and_both_still_work(player, valkey):
    arn = player.store(old := player.new_user())
    version = player.version(arn)
    player.rotate(arn)
    new = player.value(arn)
    assert player.act("restore", arn, version)["verdict"] == "LIVE"
    assert player.version(arn) == version
    assert valkey.verdict(old) is valkey.verdict(new) is Verdict.LIVE


def test_two_secrets_for_one_user_lock_nobody_out(player, valkey):
    user = player.new_user()
    arns = [player.store(user) for _ in range(3)]
    with ThreadPoolExecutor(len(arns)) as pool:
        ended = [pool.submit(player.rotate, arn) for arn in arns]
        errors = [each.exception() for each in ended]
    assert sum(error is None for error in errors) == 1
    assert all(isinstance(e, (ConfigError, ProviderUnavailableError)) for e in errors if e)
    assert {valkey.verdict(player.value(arn)) for arn in arns} == {Verdict.LIVE}


def test_a_wrong_current_password_abandons_and_changes_nothing(player, valkey):
    user = player.new_user()
    arn = player.store(other_value(user))
    before = player.version(arn)
    with pytest.raises(RotationError, match="AWSCURRENT is not honoured"):
        player.rotate(arn)
    assert player.version(arn) == before
    assert valkey.hashes(user) == {sha256(user.password)}


def test_previous_vouches_and_keeps_working_where_current_never_took(player, valkey):
    user = player.new_user()
    arn = player.store(user)
    put(player, arn, other_value(user))
    player.rotate(arn)
    assert valkey.hashes(user) == {sha256(user.password), sha256(player.value(arn).password)}


@pytest.mark.parametrize("change", ["user", "host"])
def test_previous_of_another_user_or_server_vouches_for_nobody(player, valkey, change):
    victim, stranger = player.new_user(), player.new_user()
    if change == "host":
        stranger = replace(victim, document={**victim.document, "host": "127.0.0.1"})
    arn = player.store(stranger)
    put(player, arn, other_value(victim))
    with pytest.raises(RotationError, match="AWSCURRENT is not honoured"):
        player.rotate(arn)
    assert valkey.hashes(victim) == {sha256(victim.password)}


def test_a_previous_version_with_the_password_in_use_does_not_take_it_along(player, valkey):
    user = player.new_user()
    arn = player.store(user)
    put(player, arn, replace(user, document={**user.document, "note": "changed by hand"}))
    token = player.until(arn, Step.TEST)
    assert valkey.verdict(player.value(arn)) is Verdict.LIVE
    player.rotate(arn, token)


def test_pending_that_lost_its_power_is_not_promoted_and_the_retry_sets_it_again(player, valkey):
    arn = player.store(user := player.new_user())
    token = player.until(arn, Step.FINISH)
    valkey.run("ACL", "SETUSER", user.username, "resetpass", f"#{sha256(user.password)}")
    with pytest.raises(AuthenticationError):
        player.step(arn, Step.FINISH, token)
    assert player.value(arn) == user
    player.rotate(arn, token)
    assert player.version(arn) == token


def test_nothing_is_retired_where_current_does_not_work(player, valkey):
    user = player.new_user()
    arn = player.store(user)
    version = player.version(arn)
    put(player, arn, other_value(user))
    with pytest.raises(RotationError, match="so nothing older is retired; run wickie repair"):
        player.act("retire", arn, version)
    assert valkey.verdict(user) is Verdict.LIVE


def test_a_version_for_another_user_is_neither_set_nor_retired(player, valkey):
    victim = player.new_user()
    arn = player.store(victim)
    version = player.version(arn)
    put(player, arn, player.new_user())
    with pytest.raises(RotationError, match="is for user"):
        player.act("retire", arn, version)
    token = player.begin(arn)
    forged = json.dumps(json.loads(victim.to_secret_string()) | {"password": "p" * 24})
    player.client.put_secret_value(
        SecretId=arn, ClientRequestToken=token, SecretString=forged, VersionStages=["AWSPENDING"]
    )
    with pytest.raises(RotationError, match="is for user"):
        player.step(arn, Step.SET, token)
    assert valkey.hashes(victim) == {sha256(victim.password)}


def test_an_administrator_of_another_server_is_not_sent_there(player, valkey):
    elsewhere = replace(valkey.admin, document={**valkey.admin.document, "host": "127.0.0.1"})
    player = player.using("dual-password", master=player.store(elsewhere))
    user = valkey.user()
    with pytest.raises(ConfigError, match=r"administrator's secret is for 127\.0\.0\.1"):
        player.rotate(player.store(user))
    assert valkey.hashes(user) == {sha256(user.password)}
