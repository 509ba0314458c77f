"""Two secrets for one user of a real PostgreSQL, rotated at the same moment."""

from __future__ import annotations

import threading
from contextlib import contextmanager

import pytest

from wickie.errors import ConfigError, Error, ProviderUnavailableError, RotationError
from wickie.model import Verdict
from wickie.rotation.driver import Step

pytestmark = pytest.mark.slow


@pytest.fixture(params=["single-user", "alternating-users"])
def player(request, aws, server, monkeypatch):
    """Moto checks a condition and writes in two steps; DynamoDB in one."""
    update, one_at_a_time = aws.clients.dynamodb.update_item, threading.Lock()

    def update_item(**call):
        with one_at_a_time:
            return update(**call)

    monkeypatch.setattr(aws.clients.dynamodb, "update_item", update_item)
    return aws.using(request.param, master=aws.store(server.admin))


@contextmanager
def rotating(player, arn, errors):
    """Rotate `arn` in a thread as Secrets Manager does: again and again, until it gives up."""

    def run() -> None:
        token = player.begin(arn)
        for _ in range(3):
            try:
                player.rotate(arn, token)
            except Error as error:
                errors.append(error)
            else:
                return

    thread = threading.Thread(target=run)
    thread.start()
    yield
    thread.join()


@pytest.mark.parametrize("_again", range(3))
def test_at_once_one_wins_the_other_is_told_and_nobody_is_locked_out(player, server, _again):
    user = server.user()
    first, second = arns = [player.store(user) for _ in range(2)]
    before = {arn: player.version(arn) for arn in arns}
    errors: list[Exception] = []
    with rotating(player, first, errors), rotating(player, second, errors):
        pass
    (winner,) = [arn for arn in arns if player.version(arn) != before[arn]]
    (loser,) = {first, second} - {winner}
    assert server.verdict(player.value(winner)) is Verdict.LIVE
    # Of a single user the loser's value died as the winner's was set; no one can help that.
    alternating = player.settings.strategy == "alternating-users"
    assert server.verdict(player.value(loser)) is (Verdict.LIVE if alternating else Verdict.DEAD)
    assert len(errors) == 3
    for error in errors:
        assert isinstance(error, (ProviderUnavailableError, ConfigError, RotationError))
        assert winner.rpartition("-")[0] in str(error)


def test_the_second_is_refused_between_set_and_finish_and_tried_again_in_vain(player, server):
    user = server.user()
    first, second = [player.store(user) for _ in range(2)]
    token = player.until(first, Step.TEST)
    with pytest.raises(ProviderUnavailableError, match=rf"being changed for secret {first}"):
        player.rotate(second)
    for step in (Step.SET, Step.TEST, Step.FINISH):  # Secrets Manager may repeat what is held
        player.step(first, step, token)
    with pytest.raises(ConfigError, match=r"give .* a user of its own"):
        player.step(second, Step.SET, player.version(second, "AWSPENDING"))
    assert server.verdict(player.value(first)) is Verdict.LIVE


def test_long_afterwards_the_second_still_may_not_overwrite_what_the_first_gives_out(
    player, server
):
    user = server.user()
    first, second = [player.store(user) for _ in range(2)]
    for _ in range(2):
        player.rotate(first)
        with pytest.raises(ConfigError, match="a user of two secrets is locked out by one"):
            player.step(second, Step.SET, player.until(second, Step.SET))
        player.client.update_secret_version_stage(
            SecretId=second,
            VersionStage="AWSPENDING",
            RemoveFromVersionId=player.version(second, "AWSPENDING"),
        )
        assert server.verdict(player.value(first)) is Verdict.LIVE
        assert server.verdict(player.value(first, "AWSPREVIOUS")) is (
            Verdict.LIVE if player.settings.strategy == "alternating-users" else Verdict.DEAD
        )


def test_a_secret_that_took_over_rotates_and_the_former_one_no_more(player, server):
    first = player.store(server.user())
    player.rotate(first)
    second = player.store(player.value(first))
    assert player.act("take-over", second)["verdict"] == "LIVE"
    player.rotate(second)
    assert server.verdict(player.value(second)) is Verdict.LIVE
    with pytest.raises(ConfigError, match="run wickie repair --yes --take-over"):
        player.rotate(first)


def test_nobody_takes_a_user_over_without_its_password(player, server):
    user = server.user()
    first, second = [player.store(user) for _ in range(2)]
    player.rotate(first)
    player.rotate(first)
    assert server.verdict(user) is Verdict.DEAD
    with pytest.raises(RotationError, match="its value is not honoured"):
        player.act("take-over", second)
