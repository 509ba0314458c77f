"""The PostgreSQL provider and the local server it is tried on."""

from __future__ import annotations

import json
import secrets
import socket
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from local.certificates import make_certificates
from local.postgres import Postgres as LocalPostgres
from local.postgres import binaries
from tests.rotation.conftest import postgres
from wickie.credentials import Sensitive
from wickie.errors import (
    AuthenticationError,
    ConfigError,
    ProviderError,
    ProviderUnavailableError,
)
from wickie.model import Verdict
from wickie.providers import verify
from wickie.providers.pgwire import session
from wickie.providers.postgres import scram_verifier
from wickie.providers.registry import find_engine

pytestmark = pytest.mark.slow


def changed(login, **document):
    return replace(login, document={**login.document, **document})


@pytest.fixture(scope="module")
def plain():
    """A server that offers no TLS."""
    with LocalPostgres(tls=False) as postgres:
        yield postgres


@pytest.fixture(params=[str(path) for path in binaries()], scope="module")
def every(request, server):
    """Each PostgreSQL there is here: the system's, and the versions of the wheel."""
    with LocalPostgres(bin_dir=Path(request.param)) as postgres:
        yield type(server)(postgres)


def test_a_wrong_password_is_dead(server):
    user = server.user()
    assert server.verdict(user) is Verdict.LIVE
    assert server.verdict(replace(user, password=Sensitive("wrong"))) is Verdict.DEAD
    assert server.verdict(replace(user, username="nobody_here")) is Verdict.DEAD


def test_a_role_that_may_not_sign_in_any_more_is_dead(server):
    user = server.user()
    server.run(f"alter role {user.username} nologin")
    assert server.verdict(user) is Verdict.DEAD


@pytest.mark.parametrize("change", [{"port": 1}, {"host": "127.0.0.1", "port": 1}])
def test_a_server_out_of_reach_is_unknown(server, change):
    with pytest.raises(ProviderUnavailableError, match="cannot reach"):
        postgres().sign_in(replace(server.admin, **change))


def _accept_and_hang_up(listener):
    listener.accept()[0].close()


def test_a_server_that_hangs_up_is_unavailable_and_not_without_tls(server):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_accept_and_hang_up, args=(listener,))
        thread.start()
        with pytest.raises(ProviderUnavailableError):
            postgres().sign_in(replace(server.admin, port=listener.getsockname()[1]))
        thread.join()


def test_a_server_that_accepts_and_says_nothing_is_unavailable(server, monkeypatch):
    monkeypatch.setattr("wickie.providers.tls.CONNECT_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(ProviderUnavailableError):
        postgres().sign_in(replace(server.admin, port=silent.getsockname()[1]))


def test_something_that_is_no_postgresql_is_no_verdict_on_the_password(plain):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_answer_as_http, args=(listener,))
        thread.start()
        login = replace(plain.admin, port=listener.getsockname()[1])
        verdict, detail = verify(postgres(), login)
        thread.join()
    assert verdict is Verdict.UNKNOWN
    assert login.password.reveal() not in detail


def _answer_as_http(listener):
    connection = listener.accept()[0]
    with connection:
        connection.recv(1024)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def test_a_database_that_does_not_exist_says_nothing_about_the_password(server):
    with pytest.raises(ProviderError, match="does not exist") as caught:
        postgres().sign_in(replace(server.admin, dbname="nowhere"))
    assert not isinstance(caught.value, AuthenticationError)


def test_a_client_that_pg_hba_does_not_admit_is_unknown_not_dead(every):
    postgres = every.postgres
    user = every.user()
    hba = postgres._scratch / "data" / "pg_hba.conf"
    before = hba.read_text()
    try:
        hba.write_text("host all postgres 127.0.0.1/32 scram-sha-256\n")
        every.run("select pg_reload_conf()")
        deadline = time.monotonic() + 60
        while every.verdict(user) is not Verdict.UNKNOWN:
            assert time.monotonic() < deadline
    finally:
        hba.write_text(before)
        every.run("select pg_reload_conf()")


def test_a_full_server_is_unavailable(server):
    user = server.user(options="connection limit 1")
    with session(user, None), pytest.raises(ProviderUnavailableError, match="too many"):
        postgres().sign_in(user)


def test_a_server_without_tls_is_refused_with_the_remedy(plain):
    expecting_tls = replace(plain.admin, document={"engine": "postgres"})
    with pytest.raises(ProviderError, match='set "ssl": false in the secret'):
        postgres().sign_in(expecting_tls)
    assert plain.admin.document["ssl"] is False
    assert verify(postgres(), plain.admin)[0] is Verdict.LIVE
    text_false = changed(plain.admin, ssl="False")  # as AWS's own functions also take it
    assert verify(postgres(), text_false)[0] is Verdict.LIVE


def test_a_certificate_of_an_unknown_authority_is_refused(server):
    if server.postgres.ca_pem is None:
        pytest.skip("this PostgreSQL knows no TLS")
    other = make_certificates(("localhost",)).ca_pem
    for login in (replace(server.admin, document={}), changed(server.admin, sslrootcert=other)):
        verdict, detail = verify(postgres(), login)
        assert verdict is Verdict.UNKNOWN
        assert "TLS certificate of localhost" in detail


def test_a_certificate_for_another_name_is_refused(server, monkeypatch):
    if server.postgres.ca_pem is None:
        pytest.skip("this PostgreSQL knows no TLS")
    resolve = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda _host, *args, **more: resolve("localhost", *args, **more)
    )
    with pytest.raises(ProviderError, match=r"TLS certificate of db.example:.*mismatch"):
        postgres().sign_in(replace(server.admin, host="db.example"))


def test_a_bundle_of_authorities_is_trusted_beside_the_platforms(server, tmp_path):
    if server.postgres.ca_pem is None:
        pytest.skip("this PostgreSQL knows no TLS")
    bundle = tmp_path / "ca.pem"
    bundle.write_text(server.postgres.ca_pem)
    without = replace(server.admin, document={})
    assert verify(postgres(str(bundle)), without)[0] is Verdict.LIVE
    assert verify(postgres(), without)[0] is Verdict.UNKNOWN


@pytest.mark.parametrize("value", ["not a certificate", 7, ["x"]])
def test_an_sslrootcert_that_is_none_is_named(server, value):
    with pytest.raises(ConfigError, match="sslrootcert in the secret holds no PEM"):
        postgres().sign_in(changed(server.admin, sslrootcert=value))


def test_a_ca_bundle_that_is_not_there_is_named(server):
    with pytest.raises(ConfigError, match=r"CA bundle nowhere.pem holds no PEM"):
        postgres("nowhere.pem").sign_in(replace(server.admin, document={}))


@pytest.mark.parametrize("password", ["pässwörd", "a'b\\c\"d%s:x", "x" * 200, "\u2168", "①"])
def test_the_verifier_is_the_one_the_server_would_have_made(every, password):
    user = replace(every.user(), password=Sensitive(password))
    postgres().set_password(every.admin, user)
    assert every.verdict(user) is Verdict.LIVE
    stored = "select rolpassword from pg_authid where rolname = "
    ((ours,),) = every.run(f"{stored}'{user.username}'")
    assert password not in ours
    assert ours.startswith("SCRAM-SHA-256$4096:")


def test_verifiers_are_salted():
    password = secrets.token_urlsafe(16)
    assert scram_verifier(password) != scram_verifier(password)
    assert scram_verifier(password, b"s" * 16) == scram_verifier(password, b"s" * 16)


def test_names_are_quoted(every):
    name = 'we"ird; drop -- :name'
    every.run(f"create role {_quoted(name)} login")
    user = every.login(name, Sensitive(secrets.token_urlsafe(8)))
    postgres().set_password(every.admin, user)
    assert every.verdict(user) is Verdict.LIVE
    postgres().set_twin(every.admin, name, f"{name}_clone", replace(user, username=f"{name}_clone"))
    rights = postgres().sign_in(replace(user, username=f"{name}_clone"))
    assert rights.startswith(f"{name}; ")


def _quoted(name: str) -> str:
    return '"{}"'.format(name.replace('"', '""'))


def test_an_administrator_without_superuser_suffices_if_it_may_grant_the_role(every):
    admin = every.user(options="createrole")
    base = every.user()
    clone = base.succeeded_by(f"{base.username}_clone", Sensitive(secrets.token_urlsafe(16)))
    ((version,),) = every.run("show server_version_num")
    if int(version) >= 160_000:
        wanted = f"TO {admin.username} WITH ADMIN OPTION"
        with pytest.raises(ProviderError, match=wanted) as caught:
            postgres().set_twin(admin, base.username, clone.username, clone)
        assert not isinstance(caught.value, AuthenticationError)
        every.run(f"grant {base.username} to {admin.username} with admin option")
    postgres().set_twin(admin, base.username, clone.username, clone)
    assert postgres().sign_in(clone) == postgres().sign_in(base)
    again = replace(base, password=Sensitive(secrets.token_urlsafe(16)))
    postgres().set_twin(admin, base.username, clone.username, again)
    assert every.verdict(again) is every.verdict(clone) is Verdict.LIVE


def test_a_clone_has_the_settings_of_its_base_and_loses_what_the_base_lost(every):
    base = every.user()
    name = base.username
    clone = base.succeeded_by(f"{name}_clone", Sensitive(secrets.token_urlsafe(16)))
    every.run(
        f"alter role {name} set search_path = 'one', \"$user\", public",
        f"alter role {name} in database postgres set work_mem = '7MB'",
        f"alter role {name} set myapp.tenant = 'a, b'",
    )
    postgres().set_twin(every.admin, name, clone.username, clone)
    for login in (base, clone):
        with session(login, None) as connection:
            settings = [
                connection.run(f"show {setting}")[0][0]
                for setting in ("search_path", "work_mem", "myapp.tenant")
            ]
        assert settings == ['one, "$user", public', "7MB", "a, b"]
    every.run(f"alter role {name} reset search_path")
    postgres().set_twin(every.admin, name, clone.username, clone)
    with session(clone, None) as connection:
        assert connection.run("show search_path") == [['"$user", public']]


def test_a_clone_without_its_base_is_refused(server):
    orphan = server.user(f"u{secrets.token_hex(4)}_clone")
    base = orphan.username.removesuffix("_clone")
    with pytest.raises(ConfigError, match="does not exist"):
        postgres().set_twin(server.admin, base, orphan.username, orphan)


def test_nobody_changes_a_role_that_another_session_is_changing(server, monkeypatch):
    user = server.user()
    monkeypatch.setattr("wickie.providers.pgwire._LIMITS", "set lock_timeout = '100ms'")
    with (
        postgres()._holding(server.admin, user.username),
        pytest.raises(ProviderUnavailableError, match="lock timeout"),
    ):
        postgres().set_password(server.admin, user)
    postgres().set_password(server.admin, user)


def test_an_unknown_engine_names_the_known_ones():
    with pytest.raises(ConfigError, match=r"no engine 'oracel'; use one of .*postgres"):
        find_engine("oracel")


def test_credentials_of_one_server_have_one_place():
    def place(**change):
        document = {"engine": "postgres", "host": "db", "username": "app", "password": "p"}
        return postgres().parse(json.dumps(document | change), "s").place

    assert place() == place(port=5432) == place(port="5432")
    assert place() == place(engine="aurora-postgresql")
    assert len({place(), place(host="other"), place(port=5433)}) == 3


def test_a_secret_of_another_engine_is_not_read():
    text = json.dumps({"engine": "mysql", "host": "h", "username": "u", "password": "p"})
    with pytest.raises(ConfigError, match="for engine 'mysql' and not for postgres or aurora"):
        postgres().parse(text, "shop/db")
