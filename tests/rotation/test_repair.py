"""A rotation that got stuck, in each of the ways it can, and what its repair makes of it."""

from __future__ import annotations

import json
import re

import pytest

from tests.rotation.fakes import login
from wickie.errors import (
    AuthenticationError,
    ConfigError,
    ProviderError,
    ProviderUnavailableError,
)
from wickie.rotation.driver import Step

QUARTER = 16 * 60


@pytest.fixture(autouse=True)
def _database(database) -> None:
    """Every test here is about the fake one."""


@pytest.fixture
def stuck(aws, arn):
    """Rotate up to the step `before` which it never came, a while ago; returns the token."""

    def stop(before: Step, player=aws, secret: str = arn) -> str:
        token = player.until(secret, before)
        player.let_pass(secret, QUARTER)
        player.let_leases_end()
        return token

    return stop


def labels(player, arn) -> dict[str, str | None]:
    return {stage: player.version(arn, f"AWS{stage}") for stage in ("CURRENT", "PENDING")}


def test_a_value_that_the_system_took_is_promoted(aws, arn, stuck):
    old, token = aws.version(arn), stuck(Step.TEST)
    assert aws.act("verify", arn)["verdict"] == "DEAD", "AWSCURRENT is dead for every reader"
    answer = aws.act("repair", arn)
    assert answer["state"] == "FINISHED"
    assert aws.version(arn) == token
    assert aws.act("verify", arn)["verdict"] == "LIVE"
    assert aws.stages(arn)[token] == "CURRENT"
    assert aws.version(arn, "AWSPREVIOUS") == old


def test_a_value_that_the_system_never_took_loses_its_label_and_a_new_one_is_made(aws, arn, stuck):
    current, token = aws.version(arn), stuck(Step.SET)
    answer = aws.act("repair", arn)
    assert answer["state"] == "CANCELLED"
    assert labels(aws, arn) == {"CURRENT": current, "PENDING": None}
    assert aws.stages(arn)[token] == "RETIRED"
    aws.rotate(arn)
    assert aws.act("verify", arn)["verdict"] == "LIVE"


def test_a_value_that_the_system_refuses_is_told_with_the_remedy_and_not_offered_for_ever(
    aws, database, arn, stuck
):
    token = stuck(Step.SET)
    database.refuses = ProviderError("password must contain a symbol")
    for _ in range(2):
        with pytest.raises(ProviderError, match=r"a symbol; .* wickie repair --yes --rotate") as e:
            aws.step(arn, Step.SET, token)
        assert not isinstance(e.value, (AuthenticationError, ProviderUnavailableError))
    assert aws.act("repair", arn)["state"] == "CANCELLED"
    database.refuses = None
    aws.rotate(arn)


def test_a_version_without_value_loses_its_label(aws, database, arn, stuck):
    stuck(Step.CREATE)
    database.fails = ProviderUnavailableError("down")  # it is not needed for that
    answer = aws.act("repair", arn)
    assert (answer["state"], "it has no value" in answer["detail"]) == ("CANCELLED", True)
    assert aws.version(arn, "AWSPENDING") is None


def test_one_for_another_server_or_user_or_unreadable_is_cancelled_and_never_presented(
    aws, database, arn
):
    good = json.loads(login().to_secret_string())
    for poisoned in (good | {"host": "evil"}, good | {"username": "root"}, {"no": "login"}):
        token = aws.begin(arn)
        aws.client.put_secret_value(
            SecretId=arn,
            ClientRequestToken=token,
            SecretString=json.dumps(poisoned),
            VersionStages=["AWSPENDING"],
        )
        aws.let_pass(arn, QUARTER)
        database.asked.clear()
        assert aws.act("repair", arn)["state"] == "CANCELLED"
        assert database.asked == [("sign_in", "app")], "AWSCURRENT alone was presented"
        assert aws.version(arn, "AWSPENDING") is None


def test_no_answer_changes_nothing(aws, database, arn, stuck):
    for before in (Step.SET, Step.TEST):
        stuck(before)
        was = labels(aws, arn)
        database.fails = ProviderUnavailableError("db is unreachable")
        answer = aws.act("repair", arn)
        assert (answer["state"], answer["detail"]) == ("UNKNOWN", "db is unreachable")
        assert labels(aws, arn) == was
        database.fails = None
        aws.act("repair", arn)


def test_the_previous_value_alone_is_told_exactly_and_restored_on_a_persons_wish(
    aws, database, arn, stuck
):
    aws.rotate(arn)
    previous, current = aws.version(arn, "AWSPREVIOUS"), aws.version(arn)
    token = stuck(Step.SET)
    database.passwords["app"] = "first-password"  # somebody has set it back by hand
    answer = aws.act("repair", arn)
    assert answer["state"] == "STUCK"
    told = f"AWSCURRENT and AWSPENDING are refused .* AWSPREVIOUS {previous} is honoured"
    assert re.search(told, answer["detail"])
    assert labels(aws, arn) == {"CURRENT": current, "PENDING": token}

    assert aws.act("repair", arn, Restore="true")["state"] == "RESTORED"
    assert labels(aws, arn) == {"CURRENT": previous, "PENDING": None}
    assert aws.act("verify", arn)["verdict"] == "LIVE"
    aws.rotate(arn)


def test_no_value_that_works_is_for_a_person(aws, database, arn, stuck):
    token = stuck(Step.SET)
    database.passwords["app"] = "changed by hand"
    answer = aws.act("repair", arn, Restore="true")
    assert answer["state"] == "STUCK"
    assert f"put the working password of app into {arn}" in answer["detail"]
    assert aws.version(arn, "AWSPENDING") == token


def test_a_pair_whose_clone_may_do_less_is_not_promoted_and_the_clone_is_shut_out(
    alternating_fake, database, stuck
):
    player = alternating_fake
    arn = player.store(login())
    token = stuck(Step.TEST, player, arn)
    database.roles["app_clone"] = "nobody"
    assert player.act("verify", arn, token)["verdict"] == "LIVE"
    answer = player.act("repair", arn)
    assert (answer["state"], "acts as nobody" in answer["detail"]) == ("CANCELLED", True)
    assert player.act("verify", arn, token)["verdict"] == "DEAD"
    assert player.act("verify", arn)["verdict"] == "LIVE"


def test_a_pair_whose_user_in_use_is_dead_goes_on_with_the_other(alternating_fake, database, stuck):
    player = alternating_fake
    arn = player.store(login())
    token = stuck(Step.TEST, player, arn)
    database.passwords["app"] = "changed by hand"
    assert player.act("repair", arn)["state"] == "FINISHED"
    assert player.version(arn) == token


def test_a_secret_that_nothing_ails_is_left_alone(aws, arn):
    aws.rotate(arn)
    was = labels(aws, arn)
    answer = aws.act("repair", arn)
    assert (answer["state"], answer["verdict"]) == ("SOUND", "LIVE")
    assert labels(aws, arn) == was


def test_a_rotation_that_began_moments_ago_is_left_to_secrets_manager(aws, database, arn):
    token = aws.until(arn, Step.SET)
    database.asked.clear()
    answer = aws.act("repair", arn)
    assert (answer["state"], answer["detail"]) == ("UNDER_WAY", "begun 0 min ago")
    assert aws.version(arn, "AWSPENDING") == token
    assert aws.act("repair", arn, OlderThanSeconds="0")["state"] == "CANCELLED"


def test_a_rotation_in_the_middle_of_a_step_cannot_be_cancelled_under_it(aws, arn):
    aws.until(arn, Step.TEST)
    aws.let_pass(arn, QUARTER)
    with pytest.raises(ProviderUnavailableError, match="is being changed for secret"):
        aws.act("repair", arn)


def test_a_step_that_waited_for_a_repair_does_not_set_what_was_cancelled(
    aws, database, arn, stuck, monkeypatch
):
    token = stuck(Step.SET)
    held = aws.clients.dynamodb.update_item

    def repaired_first(**call):
        monkeypatch.setattr(aws.clients.dynamodb, "update_item", held)
        assert aws.act("repair", arn)["state"] == "CANCELLED"
        return held(**call)

    monkeypatch.setattr(aws.clients.dynamodb, "update_item", repaired_first)
    with pytest.raises(Exception, match="is not AWSPENDING; start a new rotation"):
        aws.step(arn, Step.SET, token)
    assert database.changed == []
    assert aws.act("verify", arn)["verdict"] == "LIVE"


def test_dry_says_what_would_be_done_and_does_nothing(aws, database, arn, stuck):
    for before, state in ((Step.SET, "CANCELLED"), (Step.TEST, "FINISHED")):
        stuck(before)
        was, passwords = labels(aws, arn), dict(database.passwords)
        assert aws.act("repair", arn, DryRun="true")["state"] == state
        assert (labels(aws, arn), database.passwords) == (was, passwords)
        aws.act("repair", arn)


def test_repairing_twice_is_repairing_once(aws, arn, stuck):
    stuck(Step.TEST)
    assert [aws.act("repair", arn)["state"] for _ in range(2)] == ["FINISHED", "SOUND"]


def test_no_answer_holds_a_password(aws, arn, stuck):
    answers = []
    for before in (Step.SET, Step.TEST, Step.FINISH):
        stuck(before)
        values = [aws.value(arn).password, aws.value(arn, "AWSPENDING").password]
        text = json.dumps(aws.act("repair", arn))
        answers += [value for value in values if value.reveal() in text]
    assert answers == []


def test_an_age_that_is_no_number_is_refused(aws, arn):
    with pytest.raises(ConfigError, match="OlderThanSeconds"):
        aws.act("repair", arn, OlderThanSeconds="old")
