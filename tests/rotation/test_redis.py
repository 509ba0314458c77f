"""The provider for Redis and Valkey, judged by every server there is here."""

from __future__ import annotations

import contextlib
import json
import secrets
import socket
import ssl
import threading
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bench.faults.standins.valkey import PLAIN_USER, SELF_SERVICE, Server, redis
from local.certificates import make_certificates
from local.valkey import Valkey, servers
from wickie.credentials import DatabaseLogin, Sensitive
from wickie.errors import AuthenticationError, ConfigError, ProviderError, ProviderUnavailableError
from wickie.model import Verdict
from wickie.providers import verify
from wickie.providers.redis import sha256
from wickie.providers.resp import Session

pytestmark = pytest.mark.slow


@pytest.fixture(params=[str(path) for path in servers()], scope="module")
def every(request):
    """Each server program there is here: the system's, and the wheel's."""
    with Valkey(program=Path(request.param)) as running:
        yield Server(running)


def another(user: DatabaseLogin) -> DatabaseLogin:
    return replace(user, password=Sensitive(secrets.token_urlsafe(24)))


def on_paper(**document: object) -> DatabaseLogin:
    base = {"engine": "redis", "host": "localhost", "username": "app", "password": "p" * 24}
    return redis().parse(json.dumps(base | document), "s")


def test_a_wrong_password_and_a_user_that_is_no_more_are_dead(every):
    user = every.user()
    assert every.verdict(user) is Verdict.LIVE
    assert every.verdict(another(user)) is Verdict.DEAD
    every.run("ACL", "SETUSER", user.username, "off")
    assert every.verdict(user) is Verdict.DEAD
    assert every.verdict(replace(user, username="nobody-here")) is Verdict.DEAD


def test_a_user_with_no_right_at_all_can_be_verified(every):
    assert every.verdict(every.user("-@all")) is Verdict.LIVE


@pytest.mark.parametrize("by", ["itself", "an administrator"])
def test_two_passwords_work_and_the_one_older_than_both_does_not(every, by):
    oldest = every.user(SELF_SERVICE if by == "itself" else PLAIN_USER)
    second, third = another(oldest), another(oldest)
    for older, kept, pending in ((None, oldest, second), (oldest, second, third)):
        session = kept if by == "itself" else every.admin
        for _ in range(2):  # once more, as a retry would
            redis().add_password(session, kept, pending, older)
        assert every.verdict(kept) is every.verdict(pending) is Verdict.LIVE
    assert every.verdict(oldest) is Verdict.DEAD


def test_a_password_that_is_kept_survives_being_the_older_one_too(every):
    user = every.user()
    redis().add_password(user, user, pending := another(user), older=user)
    assert every.verdict(user) is every.verdict(pending) is Verdict.LIVE


def test_a_user_open_to_anybody_keeps_the_password_in_use_when_it_closes(every):
    user = every.user()
    every.run("ACL", "SETUSER", user.username, "nopass")
    redis().add_password(user, user, another(user), None)
    assert every.verdict(user) is Verdict.LIVE
    assert every.verdict(another(user)) is Verdict.DEAD


def test_dropping_the_others_leaves_current_alone_and_cuts_every_session(every):
    user = every.user(PLAIN_USER)
    redis().add_password(every.admin, user, current := another(user), None)
    with ExitStack() as stack:
        stack.enter_context(pytest.raises(ProviderUnavailableError))
        attacker = stack.enter_context(every.session(user))
        assert attacker.run("PING") == "PONG"
        redis().drop_others(every.admin, current)
        assert every.hashes(user) == {sha256(current.password)}
        attacker.run("PING")
    assert every.verdict(user) is Verdict.DEAD
    redis().drop_others(every.admin, current)
    assert every.verdict(current) is Verdict.LIVE


def test_a_user_that_may_not_change_itself_is_told_what_it_lacks(every):
    user = every.user(PLAIN_USER)
    with pytest.raises(ProviderError, match=r"lacks a right.*name an administrator") as caught:
        redis().add_password(user, user, another(user), None)
    assert not isinstance(caught.value, AuthenticationError)
    assert len(every.hashes(user)) == 1


def test_the_rights_that_the_documentation_names_suffice(every):
    user = every.user("+acl|setuser +acl|save +client|kill +multi +exec +info +client|list")
    redis().add_password(user, user, pending := another(user), None)
    redis().drop_others(pending, pending)
    assert redis().used_since(user, pending, datetime.now(UTC)) is None
    assert every.hashes(user) == {sha256(pending.password)}


@pytest.mark.parametrize("users_in", ["aclfile", "configuration"])
def test_a_password_outlives_a_restart_of_the_server(users_in):
    with Valkey(users_in=users_in) as running:
        user = running.admin
        redis().add_password(user, user, pending := another(user), None)
        running.restart()
        assert redis().sign_in(user) == redis().sign_in(pending) == "default"
        redis().drop_others(pending, pending)
        running.restart()
        assert verify(redis(), user)[0] is Verdict.DEAD
        assert verify(redis(), pending)[0] is Verdict.LIVE


def test_where_a_password_would_not_outlive_a_restart_nothing_changes():
    with Valkey(users_in="memory") as running:
        server, user = Server(running), running.admin
        with pytest.raises(ConfigError, match=r"not survive a restart of localhost.*\"persist\""):
            redis().add_password(user, user, another(user), None)
        assert len(server.hashes(user)) == 1
        made_at_start = replace(user, document={**user.document, "persist": False})
        pending = replace(another(user), document=made_at_start.document)
        redis().add_password(made_at_start, made_at_start, pending, None)
        assert server.verdict(pending) is Verdict.LIVE


def test_a_server_with_replicas_is_refused_because_they_would_not_learn_it():
    with Valkey(tls=False) as primary, Valkey(tls=False) as replica:
        replica_of = Server(replica)
        replica_of.run("CONFIG", "SET", "masterauth", primary.admin.password.reveal())
        replica_of.run("REPLICAOF", "localhost", str(primary.port))
        for running, fact in ((replica, "role is slave"), (primary, "connected_slaves is 1")):
            user = running.admin
            deadline = datetime.now(UTC) + timedelta(seconds=10)
            while fact.split()[0] not in Server(running).run("INFO") or (
                running is primary and "connected_slaves:0" in Server(primary).run("INFO")
            ):
                assert datetime.now(UTC) < deadline
            with pytest.raises(ConfigError, match=fact):
                redis().add_password(user, user, another(user), None)


def test_sessions_from_before_a_moment_are_evidence_and_later_ones_are_not(every):
    user = every.user()
    begun = datetime.now(UTC)
    with every.session(user):
        assert redis().used_since(user, user, begun - timedelta(hours=1)) is None
        said = redis().used_since(user, user, begun + timedelta(hours=1))
    assert said
    assert f"{user.username} has sessions older than that" in said
    assert "127.0.0.1" in said


def test_no_plaintext_reaches_the_log_monitor_or_disk_or_is_sent_but_to_sign_in(every, monkeypatch):
    user, sent = every.user(), []
    send = Session._all
    with every.session(every.admin) as monitor:
        monitor.run("MONITOR")
        monkeypatch.setattr(Session, "_all", lambda self, c: (sent.extend(c), send(self, c))[1])
        redis().add_password(user, user, pending := another(user), None)
        redis().drop_others(pending, pending)
        every.run("PING")
        seen = ""
        while '"PING"' not in seen:
            seen += str(monitor._reply())
    # Servers of today keep ACL SETUSER out of MONITOR and their log themselves; not all did.
    seen += str([command for command in sent if command[0] != "AUTH"])
    seen += every.running.log_text() + every.running.files_text()
    seen += str([every.run("ACL", "LOG"), every.run("SLOWLOG", "GET", "-1")])
    assert sha256(pending.password) in seen
    assert user.password.reveal() not in seen
    assert pending.password.reveal() not in seen


@pytest.mark.parametrize("change", [{"port": 1}, {"host": "127.0.0.1", "port": 1}])
def test_a_server_out_of_reach_is_unknown(every, change):
    with pytest.raises(ProviderUnavailableError, match="cannot reach"):
        redis().sign_in(replace(every.admin, **change))


def test_a_server_without_tls_is_never_sent_a_password_in_the_clear(monkeypatch):
    monkeypatch.setattr("wickie.providers.tls.CONNECT_SECONDS", 0.3)
    with Valkey(tls=False) as running:
        login = replace(running.admin, document={})
        with pytest.raises(ProviderUnavailableError, match=r'does not answer TLS.*"ssl": false'):
            redis().sign_in(login)


@contextlib.contextmanager
def answering(*replies: bytes, certificates=None):
    """A server that gives these replies, one to each thing it is sent. Yields its port."""
    received: list[bytes] = []

    def serve() -> None:
        with contextlib.suppress(OSError):
            connection = listener.accept()[0]
            if certificates:
                connection = certificates.wrap_socket(connection, server_side=True)
            with connection:
                for reply in replies:
                    received.append(connection.recv(4096))
                    connection.sendall(reply)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1], received
        listener.close()
        thread.join()


@pytest.mark.parametrize(
    ("reply", "kind", "text"),
    [
        (b"-LOADING Redis is loading\r\n", ProviderUnavailableError, "cannot serve app now"),
        (b"-BUSY Redis is busy\r\n", ProviderUnavailableError, "cannot serve app now"),
        (b"-CLUSTERDOWN no quorum\r\n", ProviderUnavailableError, "cannot serve app now"),
        (b"-ERR max number of clients reached\r\n", ProviderUnavailableError, "cannot serve"),
        (b"-WRONGPASS no\r\n", AuthenticationError, "does not honour the password of app"),
        (b"-DENIED protected mode\r\n", ProviderError, "refused app: DENIED"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", ProviderError, "no RESP; check host and port"),
        (b"$banana\r\n", ProviderError, "ValueError"),
        (b"", ProviderUnavailableError, "stopped answering app"),
        (b"+O", ProviderUnavailableError, "stopped answering app"),
        (b"$9\r\nshort", ProviderUnavailableError, "stopped answering app"),
    ],
)
def test_what_a_server_answers_is_told_apart(reply, kind, text):
    with answering(reply) as (port, _):
        login = on_paper(port=port, ssl=False)
        with pytest.raises(ProviderError, match=text) as caught:
            redis().sign_in(login)
    assert type(caught.value) is kind


def test_a_server_that_quotes_what_it_does_not_know_is_not_quoted():
    login = on_paper(ssl=False)
    echo = f"-ERR unknown command `AUTH`, with args: `app` `{login.password.reveal()}`\r\n"
    with answering(echo.encode()) as (port, _), pytest.raises(ProviderError) as caught:
        redis().sign_in(replace(login, port=port))
    assert login.password.reveal() not in str(caught.value)
    assert caught.value.__cause__ is None


def test_tls_is_verified_before_anything_is_sent(tmp_path):
    made = make_certificates(("localhost",))
    (tmp_path / "both.pem").write_text(made.key_pem + made.certificate_pem)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "both.pem")
    with answering(b"+OK\r\n", certificates=context) as (port, received):
        assert redis().sign_in(on_paper(port=port, sslrootcert=made.ca_pem)) == "app"
        assert b"AUTH" in received[0]
    stranger = make_certificates(("localhost",)).ca_pem
    for wrong in ({}, {"sslrootcert": stranger}, {"host": "127.0.0.1", "sslrootcert": made.ca_pem}):
        with answering(b"+OK\r\n", certificates=context) as (port, received):
            verdict, detail = verify(redis(), on_paper(port=port, **wrong))
        assert (verdict, received) == (Verdict.UNKNOWN, [])
        assert "TLS certificate of" in detail


def test_a_real_server_is_reached_over_tls(every):
    if every.running.ca_pem is None:
        pytest.skip("this server program knows no TLS; install redis-server or valkey-server")
    assert every.verdict(every.user()) is Verdict.LIVE
    assert every.verdict(replace(every.admin, document={})) is Verdict.UNKNOWN


def test_credentials_of_one_server_have_one_place():
    assert on_paper().place == on_paper(port="6379").place == on_paper(engine="valkey").place
    assert on_paper().place != on_paper(port=6380).place
    with pytest.raises(ConfigError, match="for engine 'mysql' and not for redis or valkey"):
        on_paper(engine="mysql")
