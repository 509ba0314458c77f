from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import replace

import pytest

from wickie.credentials import Sensitive
from wickie.errors import ConfigError, ProviderUnavailableError, RotationError
from wickie.model import Verdict
from wickie.providers.pgwire import session
from wickie.rotation.driver import Step

pytestmark = pytest.mark.slow


@pytest.fixture(params=["single-user", "alternating-users"])
def player(request, aws, server):
    return aws.using(request.param, master=aws.store(server.admin))


@pytest.fixture
def rotated(player, server):
    """ARN, old version, new version."""
    arn = player.store(server.user())
    old = player.version(arn)
    return arn, old, player.rotate(arn)


def test_verify_says_live_dead_or_unknown(aws, server):
    arn = aws.store(server.user())
    old, new = aws.version(arn), aws.rotate(arn)
    assert aws.act("verify", arn, new)["verdict"] == "LIVE"
    assert aws.act("verify", arn, old)["verdict"] == "DEAD"
    lost = aws.store(aws.value(arn), port=1)
    answer = aws.act("verify", lost, aws.version(lost))
    assert answer["verdict"] == "UNKNOWN"
    assert "cannot reach localhost:1" in answer["detail"]


def test_retire_kills_the_previous_credential_and_the_sessions_opened_with_it(player, server):
    credential = server.user()
    arn = player.store(credential)
    with ExitStack() as stack:
        stack.enter_context(pytest.raises(ProviderUnavailableError))
        attacker = stack.enter_context(session(credential, None))
        old, new = player.version(arn), player.rotate(arn)
        assert attacker.run("select 1") == [[1]]  # a rotation alone ends no session
        assert player.act("retire", arn, old)["verdict"] == "DEAD"
        attacker.run("select 1")
    assert server.verdict(credential) is Verdict.DEAD
    assert server.verdict(player.value(arn)) is Verdict.LIVE
    assert player.stages(arn) == {old: "RETIRED", new: "CURRENT"}
    assert player.version(arn, "AWSPREVIOUS") is None


def test_retire_may_be_repeated_and_rotation_goes_on(player, server, rotated):
    arn, old, _ = rotated
    for _ in range(2):
        assert player.act("retire", arn, old)["verdict"] == "DEAD"
    player.rotate(arn)
    player.rotate(arn)
    assert server.verdict(player.value(arn)) is Verdict.LIVE


def test_retiring_a_version_long_out_of_use_spares_the_user_it_names(player, server, rotated):
    arn, oldest, _ = rotated
    player.rotate(arn)
    previous = player.value(arn, "AWSPREVIOUS")
    before = server.verdict(previous)
    assert player.act("retire", arn, oldest)["verdict"] == "DEAD"
    assert server.verdict(previous) is before
    assert server.verdict(player.value(arn)) is Verdict.LIVE


def test_retire_refuses_what_is_in_use_or_about_to_be(player, rotated):
    arn, _, new = rotated
    pending = player.begin(arn)
    for version in (new, pending):
        with pytest.raises(RotationError, match="rotate the secret first"):
            player.act("retire", arn, version)


def test_an_administrator_without_superuser_can_retire(aws, server):
    admin = server.user(options="createrole")
    player = aws.using("alternating-users", master=aws.store(admin))
    credential = server.user()
    arn = player.store(credential)
    old = player.version(arn)
    player.rotate(arn)
    assert player.act("retire", arn, old)["verdict"] == "DEAD"
    assert server.verdict(credential) is Verdict.DEAD


def test_restore_makes_the_old_value_work_and_then_current(player, server, rotated):
    arn, old, new = rotated
    assert player.act("restore", arn, old)["verdict"] == "LIVE"
    assert player.version(arn) == old
    assert server.verdict(player.value(arn)) is Verdict.LIVE
    assert player.stages(arn) == {old: "CURRENT", new: "PREVIOUS"}
    assert player.act("restore", arn, old)["verdict"] == "LIVE"
    player.rotate(arn)
    assert server.verdict(player.value(arn)) is Verdict.LIVE


def test_restore_leaves_no_pending_label_in_the_way_of_the_next_rotation(player, server):
    arn = player.store(server.user())
    old, token = player.version(arn), player.begin(arn)
    for step in ("createSecret", "setSecret", "testSecret", "finishSecret"):
        player.send({"Step": step, "SecretId": arn, "ClientRequestToken": token})
    assert player.version(arn, "AWSPENDING") == token  # AWS may leave it beside AWSCURRENT
    player.act("restore", arn, old)
    assert player.version(arn, "AWSPENDING") is None


def test_restore_keeps_its_hands_off_while_a_rotation_is_under_way(player, rotated):
    arn, old, new = rotated
    player.begin(arn)
    with pytest.raises(RotationError, match="is under way"):
        player.act("restore", arn, old)
    assert player.version(arn) == new


def test_restore_does_not_carry_a_password_to_another_user_or_server(aws, server):
    user, victim = server.user(), server.user()
    for other in (victim, replace(user, document={**user.document, "host": "127.0.0.1"})):
        forged = replace(other, password=Sensitive("chosen-by-attacker"))
        arn = aws.store(forged)
        old = aws.version(arn)
        aws.client.put_secret_value(SecretId=arn, SecretString=user.to_secret_string())
        with pytest.raises(RotationError, match=r"is for user|names another"):
            aws.act("restore", arn, old)
        assert aws.value(arn).username == user.username
    assert server.verdict(victim) is Verdict.LIVE


@pytest.mark.parametrize("before", [Step.SET, Step.TEST])
def test_a_rotation_stuck_before_or_after_the_server_took_it_is_repaired(player, server, before):
    arn = player.store(server.user())
    old, token = player.version(arn), player.until(arn, before)
    player.let_leases_end()
    answer = player.act("repair", arn, OlderThanSeconds="0")
    taken = before is Step.TEST
    assert answer["state"] == ("FINISHED" if taken else "CANCELLED")
    assert player.version(arn) == (token if taken else old)
    assert server.verdict(player.value(arn)) is Verdict.LIVE
    player.rotate(arn)
    assert server.verdict(player.value(arn)) is Verdict.LIVE


def test_a_superseded_value_is_settled(player, server):
    user = server.user()
    arn = player.store(user)
    player.rotate(arn)
    assert player.act("settle", arn)["state"] == "KEPT"
    player.let_pass(arn, 25 * 3600)
    assert player.act("settle", arn)["state"] == "RETIRED"
    assert server.verdict(user) is Verdict.DEAD
    assert server.verdict(player.value(arn)) is Verdict.LIVE


def test_unknown_actions_name_the_known_ones(aws, server):
    arn = aws.store(server.user())
    with pytest.raises(ConfigError, match="repair, restore, retire, settle, take-over, verify"):
        aws.act("destroy", arn, aws.version(arn))


def test_answers_are_json_without_any_password(player, rotated):
    arn, old, new = rotated
    answers = [player.act("verify", arn, new), player.act("retire", arn, old)]
    assert {a["strategy"] for a in answers} == {player.settings.strategy}
    assert player.value(arn).password.reveal() not in json.dumps(answers)
