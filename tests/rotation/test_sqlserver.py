"""
SQL Server's provider, with a stand-in at the driver's API that keeps what the server would.

No SQL Server has judged this.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import replace

import pytest

from bench.faults.standins.sqlserver import FakeSqlServer, error
from wickie.aws import Clients
from wickie.credentials import Sensitive
from wickie.errors import AuthenticationError, ConfigError, ProviderError, ProviderUnavailableError
from wickie.model import Verdict
from wickie.providers import Context, tds, verify
from wickie.providers.sqlserver import SqlServer
from wickie.rotation.strategies import Means
from wickie.rotation.strategies.alternating_users import AlternatingUsers
from wickie.rotation.strategies.single_user import SingleUser

PROVIDER = SqlServer(Context(Clients()))
NASTY = "a]b'; drop login [sa] --%s\""


@pytest.fixture
def server(monkeypatch):
    fake = FakeSqlServer()
    monkeypatch.setattr(tds, "_connect", fake.connect)
    return fake


def login(username, password, **more):
    document = {"engine": "sqlserver", "host": "db", "username": username, **more}
    return PROVIDER.parse(json.dumps({**document, "password": password}), "shop/db")


ADMIN = login("admin", "admin-password")


def user(server, name=NASTY):
    """A login with something of everything that a clone is to have."""
    made = login(name, secrets.token_urlsafe(16))
    server.add_login(name, made.password.reveal())
    admin = server.connect(ADMIN)
    who = tds.identifier(name)
    for statement in (
        f"alter server role [odd ]] role] add member {who}",
        f"grant VIEW SERVER STATE to {who}",
        "use [odd ]] base]",
        f"create user {who} for login {who}",
        f"alter user {who} with default_schema = [sales]",
        f"alter role [odd ]] role] add member {who}",
        f"grant SELECT on object::[sales].[odd ]] table] to {who} with grant option",
        f"deny UPDATE on object::[sales].[odd ]] table] ([odd ]] column]) to {who}",
        f"grant EXECUTE on schema::[dbo] to {who}",
    ):
        admin.execute(statement)
    server.query("update sys.sql_logins set default_database_name = 'shop' where name = ?", name)
    server.statements.clear()
    return made


def pending(old, username=None):
    return old.succeeded_by(username or old.username, Sensitive(f"x'];--{secrets.token_hex(9)}%s"))


def test_a_login_changes_its_own_password_whatever_is_in_name_and_password(server):
    old = user(server)
    new = pending(old)
    SingleUser(PROVIDER, Means(lambda _: ADMIN)).set_secret(new, old, lambda: None)
    assert verify(PROVIDER, new)[0] is Verdict.LIVE
    assert verify(PROVIDER, old)[0] is Verdict.DEAD


def test_the_clone_may_do_what_the_base_may_and_is_told_so_in_the_same_words(server):
    old = user(server)
    turns = AlternatingUsers(PROVIDER, Means(lambda _: ADMIN))
    new = pending(old, NASTY + "_clone")
    turns.set_secret(new, old, lambda: None)
    turns.test_secret(new, old)
    rights = PROVIDER.sign_in(new)
    assert rights == PROVIDER.sign_in(old)
    assert "D UPDATE on object::[sales].[odd ]] table] ([odd ]] column])" in rights
    assert "W SELECT on object::[sales].[odd ]] table]" in rights
    back = pending(new, NASTY)
    turns.set_secret(back, new, lambda: None)
    turns.test_secret(back, new)
    assert verify(PROVIDER, new)[0] is Verdict.LIVE


def test_what_the_base_has_lost_the_clone_loses_too(server):
    old = user(server)
    new = pending(old, NASTY + "_clone")
    PROVIDER.set_twin(ADMIN, NASTY, new.username, new)
    admin = server.connect(ADMIN)
    who = tds.identifier(NASTY)
    admin.execute("use [odd ]] base]")
    admin.execute(f"revoke EXECUTE on schema::[dbo] from {who} cascade")
    admin.execute(f"alter role [odd ]] role] drop member {who}")
    assert PROVIDER.sign_in(new) != PROVIDER.sign_in(old)
    PROVIDER.set_twin(ADMIN, NASTY, new.username, new)
    assert PROVIDER.sign_in(new) == PROVIDER.sign_in(old)


def test_a_login_that_only_has_the_clones_name_is_not_touched(server):
    old = user(server, "app")
    server.add_login("app_clone", "somebody-elses")
    new = pending(old, "app_clone")
    with pytest.raises(ConfigError, match="so it is somebody else's"):
        PROVIDER.set_twin(ADMIN, "app", "app_clone", new)
    assert verify(PROVIDER, login("app_clone", "somebody-elses"))[0] is Verdict.LIVE


def test_a_user_of_another_login_by_the_clones_name_in_a_database_is_an_error(server):
    old = user(server, "app")
    server.query("insert into sys.users (db, name, sid) values ('odd ] base', 'app_clone', x'00')")
    with pytest.raises(ProviderError, match="already exists"):
        PROVIDER.set_twin(ADMIN, "app", "app_clone", pending(old, "app_clone"))


def test_an_owner_of_a_database_has_no_clone(server):
    old = user(server, "app")
    server.query("insert into sys.users (db, name, sid) values ('shop', 'dbo', ?)", b"sid of app")
    with pytest.raises(ConfigError, match="owns database shop"):
        PROVIDER.set_twin(ADMIN, "app", "app_clone", pending(old, "app_clone"))


@pytest.mark.parametrize(
    ("number", "kind", "says"),
    [
        (18456, AuthenticationError, "does not honour"),
        (18470, ProviderError, "disabled"),
        (18486, ProviderError, "locked"),
        (18487, ProviderError, "expired"),
        (40613, ProviderUnavailableError, "now"),
        (15151, ProviderError, "lacks a permission"),
    ],
)
def test_refusals_are_told_apart_by_the_servers_number(monkeypatch, number, kind, says):
    def refuse(*_):
        raise error(number, "because of hunter2-in-the-text")

    monkeypatch.setattr(tds, "_connect", refuse)
    with pytest.raises(ProviderError, match=says) as caught:
        PROVIDER.sign_in(login("app", "hunter2-in-the-text"))
    assert type(caught.value) is kind
    assert "hunter2" not in str(caught.value)


def test_a_database_that_cannot_be_opened_is_not_a_dead_password(monkeypatch):
    def refuse(*_):
        made = error(18456, "Login failed for user 'app'.")
        made.args = ("Cannot open database. Login failed for user 'app'.", None)
        raise made

    monkeypatch.setattr(tds, "_connect", refuse)
    assert verify(PROVIDER, login("app", "p" * 12))[0] is Verdict.UNKNOWN


def test_ending_sessions_spares_those_of_others_and_says_what_is_missing(server):
    for name in ("killer", "app"):
        server.add_login(name, f"password-of-{name}")
        server.query("insert into sys.dm_exec_sessions values (51, ?, 'shop', 'h')", name)
    server.query(
        "update sys.dm_exec_sessions set session_id = 52 where original_login_name = 'app'"
    )
    PROVIDER.end_sessions(login("killer", "password-of-killer"))
    assert server.query("select session_id from sys.dm_exec_sessions") == [(52,)]
    with pytest.raises(ProviderError, match="KILL"):
        PROVIDER.end_sessions(login("app", "password-of-app"))


def test_the_new_password_is_in_no_error(server):
    old = user(server, "app")
    new = pending(replace(old, username="nobody"))
    with pytest.raises(ProviderError) as caught:
        PROVIDER.set_password(old, new)
    assert new.password.reveal() not in str(caught.value)
