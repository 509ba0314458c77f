"""MongoDB's provider, by a stand-in at the driver's API: no MongoDB can run here."""

from __future__ import annotations

import json
import secrets
import socket

import pymongo
import pytest

from bench.faults.standins.mongodb import FakeMongoDb, failure
from wickie.aws import Clients
from wickie.credentials import Sensitive
from wickie.errors import AuthenticationError, ConfigError, ProviderError, ProviderUnavailableError
from wickie.model import Verdict
from wickie.providers import Context, mongowire, verify
from wickie.providers.mongodb import MongoDb
from wickie.rotation.strategies import Means
from wickie.rotation.strategies.alternating_users import AlternatingUsers

PROVIDER = MongoDb(Context(Clients()))
ROLES = [{"role": "readWrite", "db": "shop"}, {"role": "read", "db": "logs"}]


@pytest.fixture
def server(monkeypatch):
    fake = FakeMongoDb()
    monkeypatch.setattr(pymongo, "MongoClient", fake.client)
    monkeypatch.setattr(mongowire, "require_reachable", lambda *_: None)
    return fake


def login(username, password, **more):
    document = {"engine": "mongo", "host": "db", "username": username, **more}
    return PROVIDER.parse(json.dumps({**document, "password": password}), "shop/db")


ADMIN = login("admin", "admin-password")


def user(server, name="app"):
    made = login(name, secrets.token_urlsafe(16), dbname="shop")
    data = {"team": "lighthouse"}
    held = {"pwd": made.password.reveal(), "roles": ROLES, "customData": data}
    server.users["shop", name] = held
    return made


def pending(old, username=None):
    return old.succeeded_by(username or old.username, Sensitive(secrets.token_urlsafe(24)))


def test_users_take_turns_with_equal_roles_where_they_are_defined(server):
    old = user(server)
    turns = AlternatingUsers(PROVIDER, Means(lambda _: ADMIN))
    new = pending(old, "app_clone")
    turns.set_secret(new, old, lambda: None)
    turns.test_secret(new, old)
    assert PROVIDER.sign_in(new) == "roles read on logs, readWrite on shop"
    assert ("admin", "app_clone") not in server.users
    server.users["shop", "app"]["roles"] = ROLES[:1]
    back = pending(new, "app")
    turns.set_secret(back, new, lambda: None)
    turns.test_secret(back, new)
    assert verify(PROVIDER, new)[0] is Verdict.LIVE
    assert verify(PROVIDER, old)[0] is Verdict.DEAD


def test_a_user_that_only_has_the_clones_name_is_not_touched(server):
    old = user(server)
    other = user(server, "app_clone")
    with pytest.raises(ConfigError, match="so it is somebody else's"):
        PROVIDER.set_twin(ADMIN, "app", "app_clone", pending(old, "app_clone"))
    assert verify(PROVIDER, other)[0] is Verdict.LIVE


@pytest.mark.parametrize(
    ("code", "kind", "says"),
    [
        (18, AuthenticationError, "does not honour"),
        (13, ProviderError, "lacks a privilege"),
        (10107, ProviderUnavailableError, "now"),
        (8000, ProviderError, "redacted"),
    ],
)
@pytest.mark.usefixtures("server")
def test_refusals_are_told_apart_by_the_code(monkeypatch, code, kind, says):
    def refuse(*_, **__):
        raise failure(code, "because of hunter2-in-the-text")

    monkeypatch.setattr(pymongo, "MongoClient", refuse)
    with pytest.raises(ProviderError, match=says) as caught:
        PROVIDER.sign_in(login("app", "hunter2-in-the-text"))
    assert type(caught.value) is kind
    assert "hunter2" not in str(caught.value)


def test_the_new_password_is_in_no_error(server):
    new = pending(user(server), "nobody")
    with pytest.raises(ProviderError, match="redacted") as caught:
        PROVIDER.set_password(ADMIN, new)
    assert new.password.reveal() not in str(caught.value)


def test_a_server_that_is_not_there_is_unknown_and_not_dead():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    there = login("app", "p" * 12, host="127.0.0.1", port=port)
    assert verify(PROVIDER, there)[0] is Verdict.UNKNOWN
