"""Who may sign in for whom, and what the new credential is."""

from __future__ import annotations

import json
import math
import re

import pytest

from tests.rotation.fakes import FakeDatabase, login
from wickie.errors import (
    ConfigError,
    RotationError,
)
from wickie.fingerprints import publishable
from wickie.rotation.driver import Step
from wickie.rotation.registry import RotationSettings
from wickie.rotation.strategies import AlternatingUsers, SingleUser, new_password

pytestmark = pytest.mark.usefixtures("database")


@pytest.mark.parametrize(
    "change", [{"host": "evil"}, {"port": 5433}, {"engine": "mysql"}, {"username": "root"}]
)
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
    rotator = AlternatingUsers(database, lambda: next(answers))
    pending = rotator.create_secret(login())
    rotator.set_secret(pending, login(), None)
    rotator.test_secret(pending, login())


def test_an_administrators_secret_that_is_out_of_date_is_named_so(database, monkeypatch):
    monkeypatch.setattr("wickie.rotation.strategies._ADMIN_PAUSE", 0)
    rotator = AlternatingUsers(database, lambda: login("admin", "stale"))
    with pytest.raises(RotationError, match="administrator's secret is out of date"):
        rotator.set_secret(rotator.create_secret(login()), login(), None)


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
    values = {new_password().reveal() for _ in range(500)}
    assert len(values) == 500
    assert all(re.fullmatch("[A-Za-z0-9]{32}", v) and publishable(v) for v in values)
    assert 32 * math.log2(62) >= 190


def test_single_user_keeps_its_name():
    rotator = SingleUser(FakeDatabase())
    assert rotator.create_secret(login()).username == "app"


def test_alternating_users_take_turns():
    rotator = AlternatingUsers(FakeDatabase(), None)
    clone = rotator.create_secret(login())
    assert clone.username == "app_clone"
    assert rotator.create_secret(clone).username == "app"


def test_settings_name_what_the_environment_lacks():
    with pytest.raises(ConfigError, match="lacks WICKIE_FINGERPRINT_TABLE, WICKIE_FINGERPRINT_KEY"):
        RotationSettings.of({"WICKIE_STRATEGY": "single-user"})


def test_an_unknown_strategy_names_the_known_ones():
    names = ("WICKIE_STRATEGY", "WICKIE_FINGERPRINT_TABLE", "WICKIE_FINGERPRINT_KEY")
    with pytest.raises(ConfigError, match="use one of alternating-users, single-user"):
        RotationSettings.of(dict.fromkeys(names, "roulette"))
