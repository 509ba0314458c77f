"""What MySQL has and MariaDB has not, against a stand-in that speaks its protocol."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pymysql
import pytest

from bench.faults.boundaries import watched
from bench.faults.fuse import Died, Fuse
from bench.faults.standins.mysql import Account, StandIn
from tests.rotation.mysql.conftest import changed, lacking, mariadb, secret
from wickie.aws import Clients
from wickie.credentials import DatabaseLogin, Sensitive
from wickie.errors import AuthenticationError, ConfigError, ProviderError
from wickie.model import Verdict
from wickie.providers import Context, verify
from wickie.providers.mypassword import caching_sha2_hash, native_hash
from wickie.providers.mysql import MySQL

pytestmark = pytest.mark.slow


def mysql() -> MySQL:
    """The provider under test."""
    return MySQL(Context(Clients()))


@pytest.fixture
def server(tmp_path):
    with StandIn() as server:
        server.offer_tls(tmp_path / "server.pem")
        yield server
        server.shutdown()


def user(server, name="app", **more) -> DatabaseLogin:
    password, port = secret(), server.server_address[1]
    server.accounts[name, "10.%"] = Account(caching_sha2_hash(password.reveal()), **more)
    document = {"engine": "mysql", "sslrootcert": server.ca_pem}
    return DatabaseLogin("mysql", "localhost", name, password, port, document=document)


def renewed(login) -> DatabaseLogin:
    return replace(login, password=secret())


def honoured(server, *logins) -> list[bool]:
    account = server.find(logins[0].username)
    return [account.honours(login.password.reveal()) for login in logins]


def verdict(login) -> Verdict:
    return verify(mysql(), login)[0]


def test_signing_in_with_caching_sha2_over_tls(server):
    login = user(server)
    assert verdict(login) is Verdict.LIVE
    assert verdict(renewed(login)) is Verdict.DEAD


def test_a_user_changes_its_own_password(server):
    old = user(server)
    new = replace(old, password=Sensitive("n'e\\w%s"))
    mysql().set_password(old, new)
    assert honoured(server, old, new) == [False, True]
    assert verdict(new) is Verdict.LIVE


def test_the_first_password_alone_may_be_replaced(server):
    stale, login = user(server), user(server)
    server.accounts["app", "10.%"].second = caching_sha2_hash(stale.password.reveal())
    with pytest.raises(AuthenticationError, match="another password of app for its first"):
        mysql().set_password(stale, renewed(login))
    assert honoured(server, login) == [True]


@pytest.mark.parametrize("plugin", ["caching_sha2_password", "mysql_native_password"])
def test_an_administrator_sends_a_hash_by_the_plugin_of_the_account(server, plugin):
    admin, old = user(server, "admin", privileged=True), user(server, plugin=plugin)
    new = renewed(old)
    mysql().set_password(admin, new)
    stored = server.accounts["app", "10.%"]
    assert honoured(server, old, new) == [False, True]
    assert stored.plugin == plugin
    assert (stored.first == native_hash(new.password.reveal())) is (plugin[:5] == "mysql")
    assert not [text for text in server.statements if new.password.reveal() in text]


def test_an_account_whose_plugin_has_no_password_is_refused(server):
    admin = user(server, "admin", privileged=True)
    login = user(server, plugin="AWSAuthenticationPlugin")
    with pytest.raises(ConfigError, match="signs in by AWSAuthenticationPlugin"):
        mysql().set_password(admin, renewed(login))


def test_a_clone_is_made_with_its_grants_its_default_roles_and_a_hash(server):
    admin, base = user(server, "admin", privileged=True), user(server)
    stored = server.accounts["app", "10.%"]
    stored.grants = {"`shop`.*": {"SELECT", "INSERT"}, "*.*": {"BACKUP_ADMIN"}}
    stored.default_roles = [("reader", "%"), ("writer", "%")]
    clone = base.succeeded_by("app_clone", secret())
    for _ in range(2):
        mysql().set_twin(admin, "app", "app_clone", clone)
    made = server.accounts["app_clone", "10.%"]
    assert made.grants == {**stored.grants, "`wickie-clone`.*": {"LOCK TABLES"}}
    assert made.default_roles == stored.default_roles
    assert verdict(clone) is Verdict.LIVE
    assert mysql().sign_in(clone) == mysql().sign_in(base)
    del made.grants["*.*"]
    assert lacking(mysql(), clone, base) == {"BACKUP_ADMIN ON *.*"}


@pytest.mark.parametrize("version", ["5.7.44-log", "8.0.11"])
def test_a_server_too_old_is_named_so(server, version):
    server.version = version
    login = user(server)
    with pytest.raises(ConfigError, match=f"MySQL {version}; upgrade it to 8.0.17"):
        mysql().set_password(login, renewed(login))


def test_mariadbs_statements_are_not_sent_to_mysql(server):
    login = user(server)
    with pytest.raises(ConfigError, match="is MySQL and not MariaDB; correct engine"):
        mariadb().set_password(login, renewed(login))
    assert honoured(server, login) == [True]


@pytest.mark.parametrize("method", ["mysql_clear_password", "dialog"])
def test_without_tls_the_password_is_not_handed_over_as_it_is(server, method):
    server.tls, server.asks_for = None, method
    login = changed(user(server), ssl=False)
    with pytest.raises(ProviderError, match="asks for the password in plaintext"):
        mysql().sign_in(login)
    assert login.password.reveal().encode() not in server.received


def test_a_second_password_is_honoured_beside_the_first(server):
    current = user(server)
    pending, seen = renewed(current), []
    mysql().add_password(current, current, pending, None)
    server.after = lambda: seen.extend(honoured(server, current, pending))
    mysql().add_password(current, current, pending, None)
    assert len(seen) > 2
    assert all(seen)


def test_nothing_older_than_the_two_is_honoured(server):
    oldest = user(server)
    current, pending = renewed(oldest), renewed(oldest)
    mysql().add_password(oldest, oldest, current, None)
    mysql().add_password(current, current, pending, None)
    assert honoured(server, oldest, current, pending) == [False, True, True]


def test_what_a_lost_rotation_set_makes_way_and_the_current_one_stays_honoured(server):
    current = user(server)
    lost, pending = renewed(current), renewed(current)
    mysql().add_password(current, current, lost, None)
    seen = []
    server.after = lambda: seen.extend(honoured(server, current))
    mysql().add_password(current, current, pending, None)
    assert honoured(server, lost, current, pending) == [False, True, True]
    assert len(seen) > 5
    assert all(seen)


@pytest.mark.parametrize("first", ["current", "old"])
def test_dropping_the_others_leaves_the_current_one_whichever_place_it_has(server, first):
    current, old = user(server), user(server)
    account = server.accounts["app", "10.%"]
    order = [current, old] if first == "current" else [old, current]
    account.first, account.second = (caching_sha2_hash(i.password.reveal()) for i in order)
    session = pymysql.connect(
        host="localhost", port=old.port, user="app", password=old.password.reveal()
    )
    seen = []
    server.after = lambda: seen.extend(honoured(server, current))
    for _ in range(2):
        mysql().drop_others(current, current)
    assert honoured(server, current, old) == [True, False]
    assert all(seen)
    with pytest.raises(pymysql.OperationalError):
        session.ping(reconnect=False)


def test_a_dead_password_adds_and_drops_nothing(server):
    current = user(server)
    dead = renewed(current)
    for act in (
        lambda: mysql().add_password(dead, dead, renewed(dead), None),
        lambda: mysql().drop_others(dead, dead),
    ):
        with pytest.raises(AuthenticationError):
            act()
    assert honoured(server, current, dead) == [True, False]


def test_a_password_that_died_while_another_held_the_lock_is_not_revived(server, monkeypatch):
    current, other = user(server), secret()
    monkeypatch.setattr(
        MySQL,
        "_require_version",
        lambda *_: setattr(
            server.accounts["app", "10.%"], "first", caching_sha2_hash(other.reveal())
        ),
    )
    for act in (
        lambda: mysql().add_password(current, current, renewed(current), None),
        lambda: mysql().set_password(current, renewed(current)),
    ):
        server.accounts["app", "10.%"].first = caching_sha2_hash(current.password.reveal())
        with pytest.raises(AuthenticationError):
            act()
        assert honoured(server, current, replace(current, password=other)) == [False, True]


def test_the_privilege_for_two_passwords_is_named(server):
    current = user(server, two_passwords=False)
    with pytest.raises(ProviderError, match="APPLICATION_PASSWORD_ADMIN") as caught:
        mysql().add_password(current, current, renewed(current), None)
    assert not isinstance(caught.value, AuthenticationError)


@pytest.mark.parametrize(("lost_before", "first"), [(False, 2), (True, 5)])
def test_killed_here_and_there_two_passwords_end_as_they_should(server, lost_before, first):
    for point in itertools.count(first, 7):
        current = user(server)
        lost, pending = renewed(current), renewed(current)
        if lost_before:
            mysql().add_password(current, current, lost, None)
        try:
            with watched(Fuse(point, act=lambda fuse, _: fuse.die())):
                mysql().add_password(current, current, pending, None)
                mysql().drop_others(pending, pending)
        except Died:
            assert honoured(server, current)[0] or honoured(server, pending)[0]
            if honoured(server, current)[0]:
                mysql().add_password(current, current, pending, None)
                assert honoured(server, current, pending) == [True, True]
            mysql().drop_others(pending, pending)
        else:
            break  # there are no more calls than that
        assert honoured(server, lost, current, pending) == [False, False, True]
    assert point > 20
