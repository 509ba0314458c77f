"""Signing in to a real MariaDB, and changing one password."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import closing
from dataclasses import replace

import pymysql
import pytest

from local.certificates import make_certificates
from tests.rotation.mysql.conftest import changed, mariadb, secret
from wickie.aws import Clients
from wickie.credentials import Sensitive
from wickie.errors import (
    AuthenticationError,
    ConfigError,
    ProviderError,
    ProviderUnavailableError,
)
from wickie.model import Verdict
from wickie.providers import Context, Witness, verify
from wickie.providers.mysql import MariaDB, MySQL
from wickie.providers.mywire import account, session

pytestmark = pytest.mark.slow


def test_who_signs_in_is_told_what_it_may_do(server):
    user = server.user(host="127.%")
    assert mariadb().sign_in(user) == mariadb().sign_in(server.user()) != ""
    assert "ALL PRIVILEGES ON *.* WITH GRANT OPTION" in mariadb().sign_in(server.admin)


def test_a_wrong_password_is_dead(server):
    user = server.user()
    assert server.verdict(user) is Verdict.LIVE
    assert server.verdict(replace(user, password=Sensitive("wrong"))) is Verdict.DEAD
    assert server.verdict(replace(user, username="nobody_here")) is Verdict.DEAD


@pytest.mark.parametrize(
    ("options", "remedy"),
    [("account lock", "ACCOUNT UNLOCK"), ("password expire", "PASSWORD EXPIRE NEVER")],
)
def test_an_account_that_is_locked_or_has_expired_is_unknown_if_the_password_is_right(
    server, options, remedy
):
    user = server.user(options=options)
    with pytest.raises(ProviderError, match=remedy) as caught:
        mariadb().sign_in(user)
    assert not isinstance(caught.value, AuthenticationError)
    assert server.verdict(replace(user, password=Sensitive("wrong"))) is Verdict.DEAD


@pytest.mark.parametrize("change", [{"port": 1}, {"host": "127.0.0.1", "port": 1}])
def test_a_server_out_of_reach_is_unknown(server, change):
    with pytest.raises(ProviderUnavailableError, match="cannot reach"):
        mariadb().sign_in(replace(server.admin, **change))


def test_a_server_that_accepts_and_says_nothing_or_hangs_up_is_unavailable(server, monkeypatch):
    monkeypatch.setattr("wickie.providers.mywire.ANSWER_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        login = replace(server.admin, port=listener.getsockname()[1])
        with pytest.raises(ProviderUnavailableError):
            mariadb().sign_in(login)
        thread = threading.Thread(target=lambda: [listener.accept()[0].close() for _ in "ab"])
        thread.start()
        with pytest.raises(ProviderUnavailableError):
            mariadb().sign_in(login)
        thread.join()


def test_something_that_is_no_mariadb_is_no_verdict_on_the_password(server):
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer():
            with listener.accept()[0] as connection:
                connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n" + bytes(200))

        thread = threading.Thread(target=answer)
        thread.start()
        verdict, detail = verify(mariadb(), replace(server.admin, port=listener.getsockname()[1]))
        thread.join()
    assert verdict is Verdict.UNKNOWN
    assert server.admin.password.reveal() not in detail


def test_a_schema_that_is_not_there_or_not_allowed_says_nothing_about_the_password(server):
    server.run("create database if not exists not_for_all")
    for dbname, login in (("nowhere", server.admin), ("not_for_all", server.user())):
        with pytest.raises(ProviderError, match=dbname) as caught:
            mariadb().sign_in(replace(login, dbname=dbname))
        assert not isinstance(caught.value, AuthenticationError)


def test_a_full_server_is_unavailable(server):
    user = server.user(options="with max_user_connections 1")
    with session(user, None), pytest.raises(ProviderUnavailableError, match="try again later"):
        mariadb().sign_in(user)


def test_a_server_without_tls_is_refused_with_the_remedy(plain):
    with pytest.raises(ProviderError, match='set "ssl": false in the secret'):
        mariadb().sign_in(replace(plain.admin, document={}))
    assert plain.verdict(changed(plain.admin, ssl="False")) is Verdict.LIVE


def test_a_certificate_of_an_unknown_authority_is_refused(server):
    other = make_certificates(("localhost",)).ca_pem
    for login in (replace(server.admin, document={}), changed(server.admin, sslrootcert=other)):
        verdict, detail = verify(mariadb(), login)
        assert verdict is Verdict.UNKNOWN
        assert "TLS certificate of localhost" in detail


def test_a_certificate_for_another_name_is_refused(server, monkeypatch):
    resolve = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda _host, *args, **more: resolve("localhost", *args, **more)
    )
    with pytest.raises(ProviderError, match=r"TLS certificate of db.example:.*mismatch"):
        mariadb().sign_in(replace(server.admin, host="db.example"))


def test_a_bundle_of_authorities_is_trusted_beside_the_platforms(server, tmp_path):
    bundle = tmp_path / "ca.pem"
    bundle.write_text(server.local.ca_pem)
    without = replace(server.admin, document={})
    assert verify(mariadb(str(bundle)), without)[0] is Verdict.LIVE


def test_without_tls_a_refusal_says_that_tls_may_be_what_is_wanted(server):
    user = changed(server.user(options="require ssl"), ssl=False)
    with pytest.raises(AuthenticationError, match="or wants TLS of it"):
        mariadb().sign_in(user)
    assert server.verdict(changed(user, ssl=True)) is Verdict.LIVE


@pytest.mark.parametrize("password", ["pässwörd", "a'b\\c\"d%s:x`", "x" * 200, "\u2168 ①"])
@pytest.mark.parametrize("by", ["itself", "an administrator"])
def test_a_new_password_works_whatever_it_holds_and_the_old_one_no_more(server, password, by):
    old = server.user()
    new = replace(old, password=Sensitive(password))
    for _ in range(2 if by == "an administrator" else 1):
        mariadb().set_password(old if by == "itself" else server.admin, new)
    assert server.verdict(new) is Verdict.LIVE
    assert server.verdict(old) is Verdict.DEAD
    assert password not in server.local.log_text()


def test_names_are_quoted(server):
    name = "we`ird'\"; drop -- %s \\"
    user = server.user(name)
    mariadb().set_password(server.admin, replace(user, password=Sensitive("n3w")))
    clone = user.succeeded_by(f"{name}_clone", secret())
    mariadb().set_twin(server.admin, name, clone.username, clone)
    assert mariadb().sign_in(clone) == mariadb().sign_in(user.succeeded_by(name, Sensitive("n3w")))


def test_the_plugin_of_an_account_is_not_changed_behind_its_back(server):
    user = server.user()
    who = account(user.username, "%")
    server.run(f"alter user {who} identified via unix_socket")
    with pytest.raises(ProviderError):
        mariadb().set_password(server.admin, user)
    ((shown,),) = server.run(f"show create user {who}")
    assert "unix_socket" in shown


def test_mysqls_statements_are_not_sent_to_mariadb(server):
    user = server.user()
    mysql = MySQL(Context(Clients()))
    with pytest.raises(ConfigError, match="is MariaDB and not MySQL; correct engine"):
        mysql.set_password(user, replace(user, password=secret()))
    assert server.verdict(user) is Verdict.LIVE


def test_nobody_changes_a_user_that_another_session_is_changing(server, monkeypatch):
    user = server.user()
    monkeypatch.setattr("wickie.providers.myserver._LOCK_SECONDS", 0)
    with (
        mariadb()._holding(server.admin, user.username),
        pytest.raises(ProviderUnavailableError, match="another session is changing"),
    ):
        mariadb().set_password(server.admin, user)
    mariadb().set_password(server.admin, user)


def test_a_password_that_died_while_another_held_the_lock_sets_nothing(server, monkeypatch):
    user = server.user()
    other = replace(user, password=secret())
    check, set_other = MariaDB._require_version, mariadb().set_password

    def meanwhile(*_):
        monkeypatch.setattr(MariaDB, "_require_version", check)
        set_other(server.admin, other)

    monkeypatch.setattr(MariaDB, "_require_version", meanwhile)
    with pytest.raises(AuthenticationError):
        mariadb().set_password(user, replace(user, password=secret()))
    assert server.verdict(other) is Verdict.LIVE


def connect(user):
    return pymysql.connect(
        host=user.host, port=user.port, user=user.username, password=user.password.reveal(),
        ssl_ca=None, ssl_disabled=True,
    )  # fmt: skip


def test_ending_the_sessions_of_a_user_leaves_those_of_others(server):
    user, other = server.user(), server.user()
    with closing(connect(user)) as mine, closing(connect(other)) as theirs:
        assert mariadb().used_since(user, server.user(), None) == (
            f"1 connected as {user.username} at localhost"
        )
        mariadb().end_sessions(user)
        deadline = time.monotonic() + 60
        while mariadb().used_since(user, other, None):
            assert time.monotonic() < deadline
        with pytest.raises(pymysql.OperationalError):
            mine.ping(reconnect=False)
        theirs.ping(reconnect=False)
    mariadb().end_sessions(user)  # nothing is left to end


def test_sessions_of_a_dead_password_are_still_seen_by_an_administrator(server):
    user = server.user()
    with closing(connect(user)):
        mariadb().set_password(server.admin, replace(user, password=secret()))
        assert "1 connected" in mariadb().used_since(user, server.admin, None)
    assert isinstance(mariadb(), Witness)


def test_an_error_in_a_statement_quotes_nothing_of_it(server):
    with pytest.raises(ProviderError, match="does not understand") as caught:
        server.run("alter user nonsense 'p4ssw0rd'")
    assert "p4ssw0rd" not in str(caught.value)
