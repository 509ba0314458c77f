"""Going back to the value before: refused where it must be, and cut off at any point."""

from __future__ import annotations

from contextlib import contextmanager

import pytest

from tests.patience import BRIEF
from tests.rotation.fakes import login
from tests.rotation.paper import Secret, Shop
from wickie.errors import RotationError
from wickie.model import RotationState, Verdict
from wickie.rotation.driver import Step
from wickie.rotation.replacement import ReplacementRequest, replace


@pytest.fixture(params=["single-user", "alternating-users"])
def player(request, aws, database):  # noqa: ARG001  (the database is in place of PostgreSQL)
    return aws.using(request.param, master=aws.store(login("admin", "admin-password")))


@pytest.fixture
def rotated(player) -> str:
    arn = player.store(login())
    player.rotate(arn)
    return arn


class Died(BaseException):
    """What no `except Exception` catches."""


@contextmanager
def dying_at(point: int, player, database):
    """Die before the call to AWS or to the database that is number `point`."""
    passed = 0
    emitters = [c.meta.events for c in (player.clients.secrets_manager, player.clients.dynamodb)]

    def boundary(*_: object, **__: object) -> None:
        nonlocal passed
        passed += 1
        if passed > point:
            raise Died

    for emitter in emitters:
        emitter.register("before-call", boundary)
    database.boundary = boundary
    try:
        yield
    finally:
        database.boundary = lambda: None
        for emitter in emitters:
            emitter.unregister("before-call", boundary)


def honoured(player, arn, label="AWSCURRENT") -> bool:
    version = player.version(arn, label)
    return version is not None and player.act("verify", arn, version)["verdict"] == "LIVE"


@pytest.mark.slow
@pytest.mark.parametrize("then", ["restore", "repair"])
def test_cut_off_anywhere_the_rollback_is_ended_by_its_repetition_or_a_repair(
    player, database, then
):
    point = 0
    while True:
        arn = player.store(login(password=database.passwords["app"]))
        player.forget_users()
        old = player.version(arn)
        new = player.rotate(arn)
        try:
            with dying_at(point, player, database):
                player.act("restore", arn, old)
        except Died:
            assert honoured(player, arn) or honoured(player, arn, "AWSPENDING"), point
            if then == "restore":
                player.act("restore", arn, old)
            else:
                player.let_leases_end()
                player.act("repair", arn, OlderThanSeconds="0")
        else:
            break
        assert honoured(player, arn), point
        assert player.version(arn) in ({old} if then == "restore" else {old, new}), point
        assert player.version(arn, "AWSPENDING") in (None, player.version(arn)), point
        player.let_leases_end()
        database.passwords["app"] = player.value(arn).password.reveal()
        point += 1
    assert point > 10


def test_a_value_that_was_retired_is_not_brought_back(player, rotated):
    old, new = player.version(rotated, "AWSPREVIOUS"), player.version(rotated)
    player.act("retire", rotated, old)
    with pytest.raises(RotationError, match="is retired and stays so; rotate the secret"):
        player.act("restore", rotated, old)
    assert player.version(rotated) == new
    assert honoured(player, rotated)


def test_a_version_of_long_ago_is_not_brought_back_either(player, rotated):
    oldest = player.version(rotated, "AWSPREVIOUS")
    player.rotate(rotated)
    with pytest.raises(RotationError, match="is retired and stays so"):
        player.act("restore", rotated, oldest)
    with pytest.raises(RotationError, match="is retired and stays so"):
        player.act("restore", rotated, "0" * 36)


def test_what_is_restored_works_before_any_reader_is_given_it(player, database, rotated):
    old, seen = player.version(rotated, "AWSPREVIOUS"), []
    value = player.value(rotated, "AWSPREVIOUS")
    move = player.client.update_secret_version_stage

    def moved(**call):
        if call["VersionStage"] == "AWSCURRENT":
            seen.append(database.passwords[value.username] == value.password.reveal())
        return move(**call)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(player.client, "update_secret_version_stage", moved)
        player.act("restore", rotated, old)
    assert seen == [True]


def test_nothing_is_retired_where_it_may_be_the_only_value_that_works(player, database, rotated):
    old = player.version(rotated, "AWSPREVIOUS")
    database.passwords[player.value(rotated).username] = "changed by hand"
    with pytest.raises(RotationError, match=r"AWSCURRENT .* is not honoured .* run wickie repair"):
        player.act("retire", rotated, old)
    assert player.version(rotated, "AWSPREVIOUS") == old


def test_a_rotation_waits_while_a_rollback_is_half_done(player, rotated):
    old, new = player.version(rotated, "AWSPREVIOUS"), player.version(rotated)
    player.client.update_secret_version_stage(
        SecretId=rotated, VersionStage="AWSPENDING", MoveToVersionId=old
    )
    # Secrets Manager goes on with what is pending, and so ends the rollback.
    player.rotate(rotated, old)
    assert player.version(rotated) == old
    assert player.version(rotated, "AWSPREVIOUS") == new
    assert honoured(player, rotated)


def test_a_restore_that_fails_because_the_old_value_is_retired_says_so() -> None:
    secret = Secret()
    secret.answers[("restore", "v1")] = RotationError("version v1 of shop/db is retired")
    outcome = replace(
        ReplacementRequest("shop/db", dependents=(Shop(secret, well=False),), patience=BRIEF),
        secret,
    )
    assert outcome.state is RotationState.FAILED
    assert "could not be put back" in outcome.error
    assert "is retired" in outcome.error


@pytest.mark.parametrize("last", ["restore old", "refresh dependents again"])
def test_a_rollback_that_was_cut_off_is_run_again_as_a_rotation_that_ends_well(last: str) -> None:
    secret = Secret()
    shop = Shop(secret, well=False)
    request = ReplacementRequest("shop/db", dependents=(shop,), patience=BRIEF)

    def until_last(name, action):
        result = action()
        if name == last:
            raise Died
        return result

    with pytest.raises(Died):
        replace(request, secret, until_last)
    assert secret.labels["v1"] == ["AWSCURRENT"]
    shop.well = True
    outcome = replace(request, secret)
    assert outcome.state is RotationState.ROTATED
    assert outcome.new_credential is Verdict.LIVE
    assert shop.seen[-1][0] == outcome.to_version


def test_a_rotation_of_a_secret_whose_value_is_dead_says_how_to_repair_it() -> None:
    outcome = replace(ReplacementRequest("shop/db", patience=BRIEF), Secret(live={"v0"}))
    assert outcome.state is RotationState.FAILED
    assert "run wickie repair shop/db" in outcome.error


def test_steps_that_come_late_do_not_undo_a_rollback(player, rotated):
    old, new = player.version(rotated, "AWSPREVIOUS"), player.version(rotated)
    player.act("restore", rotated, old)
    for step in Step:
        with pytest.raises(RotationError, match="is not AWSPENDING"):
            player.step(rotated, step, new)
    assert player.version(rotated) == old
