"""Two accounts of a real MariaDB that take turns: the second may do what the first may."""

from __future__ import annotations

import threading

import pytest

from tests.rotation.mysql.conftest import lacking, mariadb, secret
from wickie.errors import AuthenticationError, ConfigError, ProviderError
from wickie.model import Verdict
from wickie.providers.mytwin import MARK
from wickie.providers.mywire import account

pytestmark = pytest.mark.slow

MARKED = f"GRANT {MARK} TO …"


@pytest.fixture(scope="module", autouse=True)
def _schema(server):
    server.run(
        "create database shop",
        "create table shop.items (a int, b int)",
        "create function shop.one() returns int return 1",
        "create database `odd) to ``x``, ('on'`",
        "create role reader",
        "create role `we ird, (x)`",
        "grant select on shop.* to reader",
    )


def twin(server, base, admin=None):
    """Set up, or renew, the clone of `base`."""
    clone = base.succeeded_by(f"{base.username}_clone", secret())
    mariadb().set_twin(admin or server.admin, base.username, clone.username, clone)
    return clone


def test_a_clone_is_granted_exactly_what_its_base_is(server):
    base = server.user(host="127.%")
    who = account(base.username, "127.%")
    server.run(
        f"grant process on *.* to {who}",
        f"grant select, insert on shop.* to {who} with grant option",
        f"grant select (a), update (a, b), delete on shop.items to {who}",
        f"grant execute on function shop.one to {who} with grant option",
        f"grant select on `odd) to ``x``, ('on'`.* to {who}",
        f"grant reader to {who} with admin option",
        f"grant `we ird, (x)` to {who}",
        f"set default role reader for {who}",
    )
    clone = twin(server, base)
    wanted = sorted([*server.grants(base.username, "127.%"), MARKED])
    assert len(wanted) == 9
    assert server.grants(clone.username, "127.%") == wanted
    assert mariadb().sign_in(clone) == mariadb().sign_in(base)
    assert server.run("select current_role()", by=clone) == [("reader",)]


def settings_of(server, name):
    ((text,),) = server.run(f"show create user {account(name, '%')}")
    return text.split("'", 2)[2]


def test_a_clone_has_the_requirements_and_limits_of_its_base(server):
    base = server.user(
        options="require ssl with max_user_connections 7 max_queries_per_hour 900"
        " max_statement_time 3 password expire interval 90 day"
    )
    clone = twin(server, base)
    assert "REQUIRE SSL" in settings_of(server, clone.username)
    assert settings_of(server, clone.username) == settings_of(server, base.username)

    who = account(base.username, "%")
    server.run(f"alter user {who} require subject '/CN=it''s' with max_queries_per_hour 0")
    twin(server, base)
    assert settings_of(server, clone.username) == settings_of(server, base.username)
    server.run(f"alter user {who} require none with max_user_connections 0 max_statement_time 0")
    twin(server, base)
    assert "REQUIRE" not in settings_of(server, clone.username)
    assert "MAX_" not in settings_of(server, clone.username)


@pytest.mark.parametrize(
    "drift",
    [
        "grant update on shop.* to {base}",
        "revoke insert on shop.* from {base}",
        "revoke all privileges, grant option from {base}",
        "revoke grant option on shop.* from {base}",
        "grant all privileges on shop.* to {base}",
        "grant drop on shop.* to {clone}",
        "grant all privileges on shop.* to {clone}",
        "grant delete on shop.items to {clone} with grant option",
        "grant super on *.* to {clone} with grant option",
        "revoke select on shop.* from {clone}",
        "revoke reader from {clone}",
        "grant reader to {clone} with admin option",
        "grant reader to {base} with admin option",
        "set default role none for {base}",
        "set default role none for {clone}",
    ],
)
def test_drift_ends_with_the_next_rotation(server, drift):
    base = server.user()
    who = account(base.username, "%")
    server.run(
        f"grant select, insert on shop.* to {who} with grant option",
        f"grant reader to {who}",
        f"set default role reader for {who}",
    )
    clone = twin(server, base)
    before = server.grants(clone.username)
    server.run(drift.format(base=who, clone=account(clone.username, "%")))
    # The base's turn: the clone is in use meanwhile, and keeps its password.
    mariadb().set_twin(server.admin, base.username, clone.username, base)
    assert server.grants(clone.username) == sorted([*server.grants(base.username), MARKED])
    assert server.verdict(clone) is Verdict.LIVE
    assert ("{base}" in drift) is (server.grants(clone.username) != before)


def test_a_clone_in_use_may_do_its_work_throughout(server):
    base = server.user()
    server.run(f"grant select, insert on shop.* to {account(base.username, '%')}")
    clone, stop, failures, done = twin(server, base), threading.Event(), [], []

    def work() -> None:
        while not stop.is_set():
            try:
                done.append(server.run("select count(*) from shop.items", by=clone))
            except ProviderError as error:
                failures.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    for verb in ("revoke insert on shop.* from", "grant delete, insert on shop.* to") * 5:
        server.run(f"{verb} {account(base.username, '%')}")
        mariadb().set_twin(server.admin, base.username, clone.username, base)
    stop.set()
    thread.join()
    assert len(done) > 10
    assert not failures


def test_a_clone_that_may_do_less_falls_short(server):
    base = server.user()
    server.run(
        f"grant select on shop.* to {account(base.username, '%')} with grant option",
        f"grant reader to {account(base.username, '%')}",
    )
    clone = twin(server, base)
    who = account(clone.username, "%")
    server.run(f"revoke grant option on shop.* from {who}")
    assert "SELECT ON `shop`.* WITH GRANT OPTION" in lacking(mariadb(), clone, base)
    twin_again = twin(server, base)
    server.run(f"set default role reader for {account(base.username, '%')}")
    assert "DEFAULT ROLE reader" in lacking(mariadb(), twin_again, base)


def test_a_strangers_account_with_the_clones_name_is_left_alone(server):
    base, at = server.user(), "%"
    name = f"{base.username}_clone"
    stranger = server.user(name)
    server.run(f"grant select on shop.* to {account(name, at)}")
    before = server.grants(name)
    with pytest.raises(ConfigError, match="somebody else's") as caught:
        twin(server, base)
    assert server.verdict(stranger) is Verdict.LIVE
    assert server.grants(name) == before

    server.run(f"GRANT{str(caught.value).rpartition('GRANT')[2].partition(' if it')[0]}")
    assert server.verdict(twin(server, base)) is Verdict.LIVE


def test_a_clone_at_another_host_is_somebody_elses(server):
    base = server.user(host="127.%")
    stranger = server.user(f"{base.username}_clone", host="%")
    with pytest.raises(ConfigError, match="somebody else's"):
        twin(server, base)
    assert server.verdict(stranger) is Verdict.LIVE


def test_a_user_of_two_accounts_is_not_changed_by_an_administrator(server):
    base = server.user(host="%")
    other = server.user(base.username, host="127.%")
    with pytest.raises(ConfigError, match=r"has 2 accounts at localhost \(.*keep one"):
        twin(server, base)
    assert server.verdict(other) is Verdict.LIVE


def test_a_clone_without_its_base_is_refused(server):
    orphan = server.user("lonely_clone")
    with pytest.raises(ConfigError, match="user lonely does not exist"):
        mariadb().set_twin(server.admin, "lonely", "lonely_clone", orphan)


def test_a_name_too_long_for_a_clone_is_refused_before_anything_is_made(server):
    base = server.user("x" * 75)
    with pytest.raises(ConfigError, match="longer than MariaDB's 80"):
        twin(server, base)


def test_an_administrator_needs_no_more_than_the_manual_says(server):
    admin, base = server.user(), server.user(options="require ssl")
    who, by = account(base.username, "%"), account(admin.username, "%")
    server.run(f"grant select on shop.* to {who}", f"grant reader to {who}")
    with pytest.raises(ProviderError, match=r"lacks a privilege.*CREATE USER") as caught:
        twin(server, base, admin)
    assert not isinstance(caught.value, AuthenticationError)
    server.run(
        f"grant create user on *.* to {by}",
        f"grant select, update on mysql.* to {by}",
        f"grant lock tables on `wickie-clone`.* to {by} with grant option",
        f"grant select on shop.* to {by} with grant option",
        f"grant reader to {by} with admin option",
    )
    assert server.verdict(twin(server, base, admin)) is Verdict.LIVE


def test_a_role_is_not_taken_for_an_account(server):
    base = server.user()
    server.run(f"create role {base.username}_clone")
    assert server.verdict(twin(server, base)) is Verdict.LIVE
