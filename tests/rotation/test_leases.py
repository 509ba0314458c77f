"""Who goes first with a user, in the table that the functions of a stage share."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.rotation.fakes import login
from wickie.asking import Patience
from wickie.errors import ConfigError, ProviderUnavailableError
from wickie.fingerprints import FingerprintTable
from wickie.rotation.leases import Leases

ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:{}-AbCdEf"
ONE, OTHER = ARN.format("one"), ARN.format("other")


class Clock:
    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def leases(aws, clock) -> Leases:
    table = aws.settings.fingerprint_table
    return Leases(aws.clients.dynamodb, table, lambda: 60.0, Patience(0), clock)


def test_a_second_secret_waits_and_is_told_for_whom(leases, clock):
    with leases.held(login(), ONE, "retire v1"):
        clock.now += 20
        with (
            pytest.raises(
                ProviderUnavailableError, match=rf"app at db .*{ONE} \(retire v1\).* 55 s"
            ),
            leases.held(login(), OTHER, "t2"),
        ):
            pytest.fail("two at once")
    with leases.held(login(), OTHER, "t2"):
        pass


def test_the_same_secret_waits_too_unless_it_is_the_same_work(leases):
    with leases.held(login(), ONE, "t1", go_on=True):
        pass
    with leases.held(login(), ONE, "t1", go_on=True):
        pass
    with pytest.raises(ProviderUnavailableError), leases.held(login(), ONE, "repair"):
        pytest.fail("two at once")


@pytest.mark.parametrize(
    "same",
    [login("app_clone"), login(host="DB"), login(password="another", dbname="shop")],
    ids=["its clone", "the host in capitals", "another password and database"],
)
def test_what_is_one_user_to_the_system_is_one_here(leases, same):
    with (
        leases.held(login(), ONE, "t1"),
        pytest.raises(ProviderUnavailableError),
        leases.held(same, OTHER, "t2"),
    ):
        pytest.fail("two at once")


@pytest.mark.parametrize("another", [login("till"), login(host="db2"), login(port=5433)])
def test_other_users_do_not_wait(leases, another):
    with leases.held(login(), ONE, "t1"), leases.held(another, OTHER, "t2"):
        pass


def test_one_that_was_cut_off_is_waited_for_until_its_function_must_be_gone(leases, clock):
    with leases.held(login(), ONE, "t1", go_on=True):
        pass
    clock.now += 74
    with pytest.raises(ProviderUnavailableError), leases.held(login(), OTHER, "t2"):
        pytest.fail("two at once")
    clock.now += 2
    with leases.held(login(), OTHER, "t2"):
        pass


def test_what_fails_is_not_waited_for(leases):
    with pytest.raises(ZeroDivisionError), leases.held(login(), ONE, "t1", go_on=True):
        _ = 1 / 0
    with leases.held(login(), OTHER, "t2"):
        pass


def test_a_moment_is_waited_out(leases, clock):
    soon = replace(leases, patience=Patience(60, first=0.001))

    def tick() -> float:
        clock.now += 5
        return clock.now

    with (
        leases.held(login(), ONE, "settle", go_on=True),
        replace(soon, now=tick).held(login(), OTHER, "retire v1"),
    ):
        pass


def test_a_late_end_takes_no_lease_from_whoever_has_it_by_now(leases, clock):
    with leases.held(login(), ONE, "t1"):
        clock.now += 100
        late = leases.held(login(), OTHER, "t2", go_on=True)
        late.__enter__()
        late.__exit__(None, None, None)
    with pytest.raises(ProviderUnavailableError, match=OTHER), leases.held(login(), ONE, "t3"):
        pytest.fail("two at once")


def test_a_kept_user_is_refused_to_others_and_not_to_the_same_secret_made_anew(leases):
    leases.keep(login(), ONE)
    with leases.held(login("app_clone"), ONE.replace("AbCdEf", "GhIjKl"), "t1"):
        pass
    with (
        pytest.raises(
            ConfigError, match=r"is for secret .*:one, .* run wickie repair --yes --take-over"
        ),
        leases.held(login("app_clone"), OTHER, "t2"),
    ):
        pytest.fail("of two secrets")
    leases.keep(login(), OTHER)
    with leases.held(login(), OTHER, "t2"):
        pass


def test_the_scanner_sees_no_leases(leases, aws):
    with leases.held(login(), ONE, "t1", go_on=True):
        pass
    assert list(FingerprintTable(aws.clients.dynamodb, aws.settings.fingerprint_table).load()) == []


def test_nothing_is_written_but_names_and_times(leases, aws):
    leases.keep(login(password="the-password-itself"), ONE)
    with leases.held(login(), ONE, "t1", go_on=True):
        pass
    (item,) = aws.clients.dynamodb.scan(TableName=aws.settings.fingerprint_table)["Items"]
    assert item.keys() == {"secret", "version", "owner", "until", "keeper", "expires"}
    assert "the-password-itself" not in repr(item)
