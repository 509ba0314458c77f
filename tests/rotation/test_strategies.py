"""Who may sign in for whom, and what the new credential is."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace

import pytest

from tests.rotation.fakes import FakeDatabase, login
from wickie.errors import (
    ConfigError,
    LesserRightsError,
    RotationError,
)
from wickie.fingerprints import publishable
from wickie.providers.registry import ENGINES
from wickie.rotation.driver import Step
from wickie.rotation.passwords import PasswordPolicy
from wickie.rotation.registry import RotationSettings
from wickie.rotation.strategies import Means, find_strategy
from wickie.rotation.strategies.alternating_users import AlternatingUsers
from wickie.rotation.strategies.single_user import SingleUser


def nobody(current):
    """No administrator is to be asked."""
    pytest.fail(f"asked for the administrator of {current.host}")


def created(rotator, current):
    return rotator.create_secret(current, lambda: None, "token")


pytestmark = pytest.mark.usefixtures("database")


@pytest.mark.parametrize("change", [{"host": "evil"}, {"port": 5433}, {"username": "root"}])
def test_pending_for_another_user_or_server_is_never_signed_in_with(aws, database, arn, change):
    token = aws.begin(arn)
    forged = json.dumps(json.loads(login().to_secret_string()) | change)
    aws.client.put_secret_value(
        SecretId=arn, ClientRequestToken=token, SecretString=forged, VersionStages=["AWSPENDING"]
    )
    for step in (Step.SET, Step.TEST, Step.FINISH):
        with pytest.raises(RotationError, match="abandoned"):
            aws.step(arn, step, token)
    assert database.asked == []


def test_pending_for_another_engine_is_not_even_read(aws, database, arn):
    token = aws.begin(arn)
    forged = json.dumps(json.loads(login().to_secret_string()) | {"engine": "mysql"})
    aws.client.put_secret_value(
        SecretId=arn, ClientRequestToken=token, SecretString=forged, VersionStages=["AWSPENDING"]
    )
    with pytest.raises(ConfigError, match="for engine 'mysql' and not for postgres"):
        aws.step(arn, Step.SET, token)
    assert database.asked == []


@pytest.mark.parametrize("change", [{"host": "elsewhere"}, {"username": "other"}])
def test_previous_is_tried_only_at_the_same_host_and_user(aws, database, change):
    arn = aws.store(login(**change))
    current = login(password="never set").to_secret_string()
    aws.client.put_secret_value(SecretId=arn, SecretString=current)
    with pytest.raises(RotationError, match="AWSCURRENT is not honoured"):
        aws.rotate(arn)
    assert {user for _, user in database.asked} == {"app"}
    assert database.changed == []


def test_the_administrator_is_not_asked_where_current_is_invalid(alternating_fake, database):
    arn = alternating_fake.store(login(password="wrong"))
    with pytest.raises(RotationError, match="AWSCURRENT is not honoured"):
        alternating_fake.rotate(arn)
    assert "admin" not in {user for _, user in database.asked}


def test_an_administrator_of_another_server_is_not_sent_there(aws, database):
    elsewhere = aws.store(login("admin", "admin-password", host="elsewhere"))
    player = aws.using("alternating-users", master=elsewhere)
    with pytest.raises(ConfigError, match="administrator's secret is for elsewhere:5432"):
        player.rotate(player.store(login()))
    assert database.changed == []


def test_an_administrator_in_the_middle_of_its_own_rotation_is_read_again(database, monkeypatch):
    monkeypatch.setattr("wickie.rotation.strategies._ADMIN_PAUSE", 0)
    stale, fresh = login("admin", "stale"), login("admin", "admin-password")
    answers = iter([stale, fresh])
    rotator = AlternatingUsers(database, Means(lambda _: next(answers)))
    pending = created(rotator, login())
    rotator.set_secret(pending, login(), lambda: None)
    rotator.test_secret(pending, login())


def test_an_administrators_secret_that_is_out_of_date_is_named_so(database, monkeypatch):
    monkeypatch.setattr("wickie.rotation.strategies._ADMIN_PAUSE", 0)
    rotator = AlternatingUsers(database, Means(lambda _: login("admin", "stale")))
    with pytest.raises(RotationError, match="administrator's secret is out of date"):
        rotator.set_secret(created(rotator, login()), login(), lambda: None)


def test_users_who_take_turns_must_have_equal_rights_in_both_directions(alternating_fake, database):
    player = alternating_fake
    arn = player.store(login())
    for user in ("app_clone", "app"):
        token = player.until(arn, Step.FINISH)
        before, rights = player.version(arn), database.roles.get(user, user)
        database.roles[user] = "reader"
        with pytest.raises(LesserRightsError, match=f"{user} acts as reader and .* as app, so"):
            player.step(arn, Step.FINISH, token)
        assert player.version(arn) == before
        database.roles[user] = rights
        player.step(arn, Step.FINISH, token)
        player.tidy(arn)


def test_alternating_users_without_an_administrator_say_what_is_missing(aws):
    player = aws.using("alternating-users")
    with pytest.raises(ConfigError, match="set master in wickie"):
        player.rotate(player.store(login()))


def test_the_secrets_own_masterarn_serves_where_the_stack_names_no_master(aws):
    master = aws.store(login("admin", "admin-password"))
    player = aws.using("alternating-users")
    arn = player.store(login(masterarn=master))
    player.rotate(arn)
    assert player.value(arn).username == "app_clone"


def test_new_passwords_need_no_quoting_anywhere_and_can_be_published():
    values = {PasswordPolicy().draw().reveal() for _ in range(500)}
    assert len(values) == 500
    assert all(re.fullmatch("[A-Za-z0-9]{32}", v) and publishable(v) for v in values)
    assert 32 * math.log2(62) >= 190


def test_single_user_keeps_its_name():
    rotator = SingleUser(FakeDatabase(), Means(nobody))
    assert created(rotator, login()).username == "app"


def test_alternating_users_take_turns():
    rotator = AlternatingUsers(FakeDatabase(), Means(nobody))
    clone = created(rotator, login())
    assert clone.username == "app_clone"
    assert created(rotator, clone).username == "app"


def test_settings_name_what_the_environment_lacks():
    with pytest.raises(ConfigError, match="lacks WICKIE_FINGERPRINT_TABLE, WICKIE_FINGERPRINT_KEY"):
        RotationSettings.of({"WICKIE_ENGINE": "postgres", "WICKIE_STRATEGY": "single-user"})


def test_an_unknown_strategy_names_the_known_ones():
    with pytest.raises(ConfigError, match=r"no strategy 'roulette'; use one of alternating-users"):
        find_strategy("roulette")


def test_a_strategy_that_the_engine_cannot_do_names_those_that_it_can(aws, arn):
    player = replace(aws, settings=replace(aws.settings, strategy="alternating-users"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(
            ENGINES, "postgres", replace(ENGINES["postgres"], strategies=("single-user",))
        )
        with pytest.raises(ConfigError, match="postgres cannot do alternating-users; use single"):
            player.rotate(arn)


@pytest.mark.parametrize("length", [23, 129])
def test_a_length_that_makes_no_sense_is_refused(length):
    with pytest.raises(ConfigError, match="choose 24 to 128"):
        PasswordPolicy(length)


def test_a_policy_is_kept():
    for _ in range(50):
        text = PasswordPolicy(24, "#!").draw().reveal()
        assert len(text) == 24
        assert set(text) & set("#!")
