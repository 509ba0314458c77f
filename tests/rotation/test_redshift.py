"""
Redshift's provider, with PostgreSQL in the place of a cluster where both speak alike.

That is: MD5 logins, ALTER USER with a hash, pg_terminate_backend; stv_sessions is a view here. No
Redshift has judged this.
"""

from __future__ import annotations

import json
import secrets
import socket
import struct
import threading
import time
from contextlib import ExitStack
from dataclasses import replace

import pytest

from local.postgres import Postgres as LocalPostgres
from wickie.aws import Clients
from wickie.credentials import Sensitive
from wickie.errors import ConfigError, ProviderError, ProviderUnavailableError
from wickie.model import Verdict
from wickie.providers import Context, verify
from wickie.providers.pgwire import session
from wickie.providers.redshift import Redshift, md5_hash
from wickie.providers.registry import ENGINES

pytestmark = pytest.mark.slow

REDSHIFT = Redshift(Context(Clients()))


@pytest.fixture(scope="module")
def cluster(server):
    settings = {"password_encryption": "md5", "log_statement": "all"}
    with LocalPostgres(settings=settings) as postgres:
        cluster = type(server)(postgres)
        hba = postgres._scratch / "data" / "pg_hba.conf"
        scram = "host all postgres all scram-sha-256\n"
        hba.write_text(f"{scram}host all all all md5\n")
        cluster.run("select pg_reload_conf()", "create database dev")
        with session(replace(postgres.admin, dbname="dev"), None) as admin:
            admin.run(
                "create view stv_sessions as select pid as process, usename as user_name"
                " from pg_stat_activity; grant select on stv_sessions to public"
            )
        while not cluster.run("select true from pg_hba_file_rules where auth_method = 'md5'"):
            time.sleep(0.01)
        yield cluster


@pytest.fixture
def user(cluster):
    """A user as its secret has it: without a dbname, which is then `dev`."""
    login = cluster.user()
    document = {**login.document, "engine": "redshift", "password": login.password.reveal()}
    del document["dbname"]
    return REDSHIFT.parse(json.dumps(document), "shop/warehouse")


@pytest.fixture
def player(aws):
    return replace(aws, settings=replace(aws.settings, engine="redshift"))


def value(player, arn):
    version = player.version(arn)
    reply = player.client.get_secret_value(SecretId=arn, VersionId=version)
    return REDSHIFT.parse(reply["SecretString"], arn)


def verdict(login):
    return verify(REDSHIFT, login)[0]


def test_a_user_changes_its_own_password_and_only_its_hash_is_logged(player, cluster, user):
    arn = player.store(user)
    player.rotate(arn)
    new = value(player, arn)
    assert verdict(new) is Verdict.LIVE
    assert verdict(user) is Verdict.DEAD
    assert new.dbname == "dev"
    log = cluster.postgres.log_text().replace('"', "")
    assert f"alter user {user.username} password " in log
    assert md5_hash(new.username, new.password.reveal()) in log
    assert new.password.reveal() not in log


def test_retiring_ends_what_the_old_password_opened(player, user):
    arn = player.store(user)
    old = player.version(arn)
    with ExitStack() as stack:
        stack.enter_context(pytest.raises(ProviderUnavailableError))
        attacker = stack.enter_context(session(user, None))
        player.rotate(arn)
        assert attacker.run("select 1") == [[1]]
        assert player.act("retire", arn, old)["verdict"] == "DEAD"
        attacker.run("select 1")
    assert verdict(value(player, arn)) is Verdict.LIVE


@pytest.mark.parametrize("password", ["a'b\\c\"d%s:x", "x" * 64])
def test_the_hash_is_the_one_that_the_server_would_have_made(cluster, password):
    name = f"u_{secrets.token_hex(6)}"
    quoted = password.replace("'", "''")
    cluster.run(f"create role {name} login password '{quoted}'")
    ((stored,),) = cluster.run(f"select rolpassword from pg_authid where rolname = '{name}'")  # noqa: S608
    assert md5_hash(name, password) == stored


def test_a_wrong_password_is_dead_and_changes_nothing(user):
    wrong = replace(user, password=Sensitive(secrets.token_urlsafe(16)))
    assert verdict(wrong) is Verdict.DEAD
    with pytest.raises(ProviderError):
        REDSHIFT.set_password(wrong, wrong)
    assert verdict(user) is Verdict.LIVE


def _ask_for_a_digest(listener):
    connection = listener.accept()[0]
    with connection:
        connection.recv(1024)
        body = struct.pack("!iiii", 13, 0, 0, 0)
        connection.sendall(b"R" + struct.pack("!i", len(body) + 4) + body)
        connection.recv(1024)


def test_a_sha256_password_is_unknown_with_the_remedy(user):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_ask_for_a_digest, args=(listener,))
        thread.start()
        document = {**user.document, "ssl": False}
        login = replace(user, port=listener.getsockname()[1], document=document)
        found, detail = verify(REDSHIFT, login)
        thread.join()
    assert found is Verdict.UNKNOWN
    assert "that is a sha256 password: set one once as plain or md5" in detail
    assert user.password.reveal() not in detail


def test_a_secret_of_postgresql_is_not_redshifts_nor_the_other_way_round(user):
    text = json.dumps({**user.document, "engine": "postgres", "password": "x"})
    with pytest.raises(ConfigError, match="for engine 'postgres' and not for redshift"):
        REDSHIFT.parse(text, "shop/warehouse")


def test_users_do_not_take_turns_on_redshift(aws, player, user):
    assert ENGINES["redshift"].strategies == ("single-user",)
    taking_turns = replace(player.settings, strategy="alternating-users")
    arn = aws.store(user)
    with pytest.raises(ConfigError, match="redshift cannot do alternating-users"):
        replace(player, settings=taking_turns).rotate(arn)
