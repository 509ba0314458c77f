"""
Oracle's provider, with a stand-in at the driver's API that keeps what the server would.

No Oracle has judged this.
"""

from __future__ import annotations

import json
import secrets
import socket

import oracledb
import pytest

from bench.faults.standins.oracle import FakeOracle, error
from wickie.aws import Clients
from wickie.credentials import Sensitive
from wickie.errors import AuthenticationError, ConfigError, ProviderError, ProviderUnavailableError
from wickie.model import Verdict
from wickie.providers import Context, orawire, verify
from wickie.providers.oracle import Oracle, throwaway
from wickie.providers.registry import ENGINES
from wickie.rotation.passwords import PasswordsOf
from wickie.rotation.strategies import Means
from wickie.rotation.strategies.alternating_users import AlternatingUsers
from wickie.rotation.strategies.single_user import SingleUser

PROVIDER = Oracle(Context(Clients()))


@pytest.fixture
def server(monkeypatch):
    fake = FakeOracle()
    monkeypatch.setattr(oracledb, "connect", fake.connect)
    monkeypatch.setattr(orawire, "require_reachable", lambda *_: None)
    return fake


def login(username, password, **more):
    document = {"engine": "oracle", "host": "db", "username": username, "dbname": "ORCL", **more}
    return PROVIDER.parse(json.dumps({**document, "password": password}), "shop/db")


ADMIN = login("admin", "admin-password")


def user(server, name="app"):
    """A user with something of everything that a clone is to have."""
    made = login(name, secrets.token_urlsafe(16))
    upper = name.upper()
    server.add_user(upper, made.password.reveal())
    admin = server.connect(user="admin", password="admin-password")
    for statement in (
        'grant "CONNECT" to "{}"',
        'grant "READERS" to "{}"',
        'grant "Odd Role" to "{}" with admin option',
        'alter user "{}" default role "CONNECT", "Odd Role"',
        'grant CREATE TABLE to "{}" with admin option',
        'grant SELECT on "Odd Owner"."Odd Table" to "{}" with grant option',
        'grant UPDATE ("Odd Column") on "Odd Owner"."Odd Table" to "{}"',
        'grant UPDATE ("Price") on "Odd Owner"."Odd Table" to "{}"',
        'grant READ on directory "Odd Place" to "{}"',
        'alter user "{}" quota unlimited on "USERS"',
        'alter user "{}" quota 4096 on "Odd Space"',
        'alter user "{}" profile "STRICT" default tablespace "Odd Space" temporary tablespace "T"',
    ):
        admin.execute(statement.format(upper), {})
    server.statements.clear()
    return made


def pending(old, username=None):
    return old.succeeded_by(username or old.username, Sensitive(f"x';:y--{secrets.token_hex(9)}"))


def test_a_user_changes_its_own_password_by_no_statement(server):
    old = user(server)
    new = pending(old)
    SingleUser(PROVIDER, Means(lambda _: ADMIN)).set_secret(new, old, lambda: None)
    assert verify(PROVIDER, new)[0] is Verdict.LIVE
    assert verify(PROVIDER, old)[0] is Verdict.DEAD
    assert not [s for s in server.statements if not s.startswith("select")]


def test_users_take_turns_with_equal_rights_and_no_kept_password_in_a_statement(server):
    old = user(server)
    turns = AlternatingUsers(PROVIDER, Means(lambda _: ADMIN))
    new = pending(old, "app_clone")
    turns.set_secret(new, old, lambda: None)
    turns.test_secret(new, old)
    assert PROVIDER.sign_in(new) == PROVIDER.sign_in(old)
    back = pending(new, "app")
    turns.set_secret(back, new, lambda: None)
    turns.test_secret(back, new)
    assert verify(PROVIDER, new)[0] is Verdict.LIVE
    assert verify(PROVIDER, old)[0] is Verdict.DEAD
    for kept in (old, new, back):
        assert kept.password.reveal() not in "".join(server.statements)


def test_what_the_base_has_lost_or_won_the_clone_does_too(server):
    old = user(server)
    new = pending(old, "app_clone")
    PROVIDER.set_twin(ADMIN, "app", "app_clone", new)
    admin = server.connect(user="admin", password="admin-password")
    for statement in (
        'revoke CREATE TABLE from "APP"',
        'grant CREATE TABLE to "APP"',
        'revoke UPDATE on "Odd Owner"."Odd Table" from "APP"',
        'grant UPDATE ("Price") on "Odd Owner"."Odd Table" to "APP"',
        'revoke "READERS" from "APP"',
        'alter user "APP" quota 0 on "USERS"',
    ):
        admin.execute(statement, {})
    assert PROVIDER.sign_in(new) != PROVIDER.sign_in(old)
    PROVIDER.set_twin(ADMIN, "app", "app_clone", new)
    assert PROVIDER.sign_in(new) == PROVIDER.sign_in(old)


@pytest.mark.parametrize("status", ["OPEN", "LOCKED", "EXPIRED"])
def test_a_user_that_only_has_the_clones_name_is_not_touched(server, status):
    old = user(server)
    server.add_user("APP_CLONE", "somebody-elses", status)
    admin = server.connect(user="admin", password="admin-password")
    admin.execute('grant CREATE SESSION to "APP_CLONE"', {})
    with pytest.raises(ConfigError, match="so it is somebody else's"):
        PROVIDER.set_twin(ADMIN, "app", "app_clone", pending(old, "app_clone"))
    held = server.query("select password from dba_users where username = 'APP_CLONE'")
    assert held == [("somebody-elses",)]


def test_a_clone_that_a_person_locked_stays_locked(server):
    old = user(server)
    turns = AlternatingUsers(PROVIDER, Means(lambda _: ADMIN))
    new = pending(old, "app_clone")
    turns.set_secret(new, old, lambda: None)
    server.update("APP_CLONE", account_status="LOCKED")
    with pytest.raises(ProviderError, match="ACCOUNT UNLOCK"):
        turns.set_secret(pending(old, "app_clone"), old, lambda: None)
    assert verify(PROVIDER, new)[0] is Verdict.UNKNOWN


@pytest.mark.parametrize("statements", range(1, 4))
def test_a_clone_that_is_not_finished_is_refused_as_by_a_wrong_password(
    server, monkeypatch, statements
):
    old, made = user(server), 0
    new, run = pending(old, "app_clone"), FakeOracle._run

    def dying(connection, sql, params):
        nonlocal made
        made += not sql.lstrip().startswith("select")
        if made > statements:
            raise error("DPY-4011", "the database or network closed the connection")
        run(connection, sql, params)

    turns = AlternatingUsers(PROVIDER, Means(lambda _: ADMIN))
    monkeypatch.setattr(FakeOracle, "_run", dying)
    with pytest.raises(ProviderUnavailableError):
        turns.set_secret(new, old, lambda: None)
    monkeypatch.setattr(FakeOracle, "_run", run)
    with pytest.raises(AuthenticationError):  # so that the retry sets it
        turns.test_secret(new, old)
    turns.set_secret(new, old, lambda: None)
    turns.test_secret(new, old)


def test_an_owner_of_objects_has_no_clone(server):
    old = user(server)
    server.query("insert into dba_objects values ('APP', 'TABLE', 'ORDERS')")
    with pytest.raises(ConfigError, match="owns 1 object"):
        PROVIDER.set_twin(ADMIN, "app", "app_clone", pending(old, "app_clone"))


@pytest.mark.parametrize(
    ("code", "kind", "says"),
    [
        ("ORA-01017", AuthenticationError, "does not honour"),
        ("ORA-28000", ProviderError, "locked"),
        ("ORA-28001", ProviderError, "expired"),
        ("ORA-12514", ProviderError, "correct dbname"),
        ("ORA-12528", ProviderUnavailableError, "now"),
        ("DPY-4011", ProviderUnavailableError, "now"),
        ("ORA-00600", ProviderError, "redacted"),
    ],
)
@pytest.mark.usefixtures("server")
def test_refusals_are_told_apart_by_the_code(monkeypatch, code, kind, says):
    def refuse(**_):
        raise error(code, "because of hunter2-in-the-text")

    monkeypatch.setattr(oracledb, "connect", refuse)
    with pytest.raises(ProviderError, match=says) as caught:
        PROVIDER.sign_in(login("app", "hunter2-in-the-text"))
    assert type(caught.value) is kind
    assert "hunter2" not in str(caught.value)


def test_a_server_that_is_not_there_is_unknown_and_not_dead():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    there = login("app", "p" * 12, host="127.0.0.1", port=port)
    assert verify(PROVIDER, there)[0] is Verdict.UNKNOWN


def test_names_and_passwords_that_oracle_cannot_write_are_refused_and_never_altered(server):
    with pytest.raises(ConfigError, match="would need quotes"):
        login('app" identified by x --', "p")
    old = user(server)
    odd = old.succeeded_by("app", Sensitive('a"b' * 4))
    with pytest.raises(ConfigError, match="no way to write"):
        PROVIDER.set_password(old, odd)
    assert verify(PROVIDER, old)[0] is Verdict.LIVE
    with pytest.raises(ConfigError, match='does not take "'):
        PasswordsOf(ENGINES["oracle"], {"symbols": '"'}).draw()


def test_passwords_are_as_long_as_every_oracle_takes():
    assert len(PasswordsOf(ENGINES["oracle"]).draw().reveal()) == 30
    assert len(throwaway()) <= 30
