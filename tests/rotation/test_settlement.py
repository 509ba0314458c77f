"""What has been superseded is retired when its grace is over and nobody uses it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tests.rotation.fakes import FakeDatabase, login
from wickie.credentials import Sensitive
from wickie.errors import ConfigError, ProviderUnavailableError
from wickie.providers.registry import Engine
from wickie.rotation.driver import Step

HOUR, DAY = 3600, 24 * 3600


class Watched(FakeDatabase):
    """A database that knows who uses a login, and was asked since when."""

    use: str | None = None
    since: datetime | None = None

    def used_since(self, old, current, since: datetime) -> str | None:
        assert old.username != current.username
        self.since = since
        return self.use


@pytest.fixture
def database(monkeypatch) -> Watched:
    fake = Watched(app="first-password", admin="admin-password")
    monkeypatch.setattr(Engine, "open", lambda *_: fake)
    return fake


pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def player(alternating_fake):
    return alternating_fake


@pytest.fixture
def rotated(player) -> str:
    """A secret whose new value is two days old, and whose old one still works."""
    arn = player.store(login())
    player.rotate(arn)
    player.let_pass(arn, 2 * DAY)
    return arn


def test_after_its_grace_a_value_that_nobody_uses_is_retired(player, rotated):
    old = player.version(rotated, "AWSPREVIOUS")
    answer = player.act("settle", rotated)
    assert (answer["state"], answer["verdict"]) == ("RETIRED", "DEAD")
    assert player.version(rotated, "AWSPREVIOUS") is None
    assert player.act("verify", rotated, old)["verdict"] == "DEAD"
    assert player.act("verify", rotated)["verdict"] == "LIVE"
    assert player.act("settle", rotated)["state"] == "NOTHING"


def test_while_somebody_uses_it_it_is_kept_and_told_who(player, database, rotated):
    database.use = "2 sessions of app from 10.0.0.7"
    old = player.version(rotated, "AWSPREVIOUS")
    answer = player.act("settle", rotated)
    assert (answer["state"], answer["detail"]) == ("KEPT", database.use)
    assert player.act("verify", rotated, old)["verdict"] == "LIVE"
    assert "end_sessions" not in {what for what, _ in database.asked}
    quiet = datetime.now(UTC) - database.since
    assert quiet.total_seconds() == pytest.approx(DAY, abs=60), "quiet for a whole grace"


@pytest.mark.parametrize(("grace", "state"), [(None, "KEPT"), (HOUR, "RETIRED"), (0, "RETIRED")])
def test_the_grace_counts_from_the_promotion_and_is_a_day_unless_asked(player, grace, state):
    arn = player.store(login())
    player.let_pass(arn, 9 * DAY)
    player.rotate(arn)
    player.let_pass(arn, 2 * HOUR)
    wishes = {} if grace is None else {"GraceSeconds": str(grace)}
    answer = player.act("settle", arn, **wishes)
    assert answer["state"] == state
    assert ("its grace lasts until" in answer["detail"]) is (state == "KEPT")


def test_a_value_in_use_that_was_pending_for_long_has_its_grace_all_the_same(player):
    arn = player.store(login())
    token = player.until(arn, Step.FINISH)
    player.let_pass(arn, 9 * DAY)
    player.step(arn, Step.FINISH, token)
    player.tidy(arn)
    assert player.act("settle", arn)["state"] == "KEPT"


def test_with_no_witness_the_grace_decides(aws, monkeypatch):
    fake = FakeDatabase(app="first-password", admin="admin-password")
    monkeypatch.setattr(Engine, "open", lambda *_: fake)
    player = aws.using("alternating-users", master=aws.store(login("admin", "admin-password")))
    arn = player.store(login())
    player.rotate(arn)
    assert player.act("settle", arn)["state"] == "KEPT"
    player.let_pass(arn, 2 * DAY)
    assert player.act("settle", arn)["state"] == "RETIRED"


def test_a_single_users_old_password_is_dead_and_its_sessions_are_left_alone(aws, database):
    arn = aws.store(login())
    aws.rotate(arn)
    aws.let_pass(arn, 2 * DAY)
    assert aws.act("settle", arn)["state"] == "RETIRED"
    assert aws.version(arn, "AWSPREVIOUS") is None
    assert sorted(aws.stages(arn).values()) == ["CURRENT"], "the first was too short to print"
    assert "end_sessions" not in {what for what, _ in database.asked}


def test_nothing_is_retired_while_a_rotation_waits(player, rotated):
    player.until(rotated, Step.TEST)
    player.let_pass(rotated, 2 * DAY)
    answer = player.act("settle", rotated)
    assert (answer["state"], answer["detail"]) == ("KEPT", "a rotation is under way")


def test_the_only_value_that_is_honoured_is_never_retired(player, database, rotated):
    old = player.version(rotated, "AWSPREVIOUS")
    database.passwords["app_clone"] = "changed by hand"
    answer = player.act("settle", rotated)
    assert answer["state"] == "KEPT"
    assert "AWSCURRENT gives DEAD" in answer["detail"]
    assert player.act("verify", rotated, old)["verdict"] == "LIVE"


def test_a_system_that_cannot_be_asked_keeps_everything(player, database, rotated):
    database.fails = ProviderUnavailableError("down")
    answer = player.act("settle", rotated)
    assert (answer["state"], "down" in answer["detail"]) == ("KEPT", True)


def test_a_witness_that_cannot_be_asked_is_an_error_and_retires_nothing(
    player, database, rotated, monkeypatch
):
    def unreachable(*_):
        raise ProviderUnavailableError("pg_stat_activity is unreachable")

    monkeypatch.setattr(database, "used_since", unreachable)
    with pytest.raises(ProviderUnavailableError):
        player.act("settle", rotated)
    assert player.version(rotated, "AWSPREVIOUS")


def test_a_value_for_another_server_is_kept_for_a_person(player):
    moved = login(host="old-db", password="x" * 24)
    arn = player.store(moved)
    player.put_by_hand(arn, replace(login(), password=Sensitive("first-password")))
    player.let_pass(arn, 2 * DAY)
    answer = player.act("settle", arn)
    assert answer["state"] == "KEPT"
    assert "another system" in answer["detail"]


def test_a_grace_that_is_no_number_is_refused(player, rotated):
    with pytest.raises(ConfigError, match="GraceSeconds of the event is no number"):
        player.act("settle", rotated, GraceSeconds="a day")


def test_what_was_before_the_secret_knew_its_database_is_kept_and_is_no_mistake(player):
    """What AWS::SecretsManager::SecretTargetAttachment leaves behind has no host."""
    arn = player.store('{"username": "app", "password": "none"}')
    player.client.put_secret_value(SecretId=arn, SecretString=login().to_secret_string())
    player.let_pass(arn, 2 * DAY)
    answer = player.act("settle", arn)
    assert answer["state"] == "KEPT"
    assert "AWSPREVIOUS is no credential" in answer["detail"]
    assert player.version(arn, "AWSPREVIOUS")
