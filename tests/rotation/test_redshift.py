"""
Redshift's provider, with PostgreSQL in the place of a cluster where both speak alike.

That is: MD5 logins, ALTER USER with a hash, pg_terminate_backend, GRANT; the system views are views
of ours here. No Redshift has judged this.
"""

from __future__ import annotations

import json
import secrets
import socket
import struct
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace

import pytest

from bench.faults.standins.redshift import SYSTEM_VIEWS
from local.postgres import Postgres as LocalPostgres
from tests.rotation.conftest import SecretsManager
from wickie.aws import Clients
from wickie.credentials import DatabaseLogin, Sensitive
from wickie.errors import (
    ConfigError,
    LesserRightsError,
    ProviderError,
    ProviderUnavailableError,
)
from wickie.model import Verdict
from wickie.providers import Context, verify
from wickie.providers.pgwire import session
from wickie.providers.redshift import Redshift, md5_hash
from wickie.rotation.driver import Step

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
            for statement in ("set allow_system_table_mods = on", *SYSTEM_VIEWS):
                admin.run(statement)
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


@pytest.fixture
def pair(player, cluster, user):
    """Two users who take turns, and the first one's secret, whose table somebody else owns."""
    admin = replace(cluster.admin, dbname="dev")
    player = player.using("alternating-users", player.store(admin, engine="redshift"))
    return Pair(player, admin, user, player.store(user))


@dataclass(frozen=True)
class Pair:
    player: SecretsManager
    admin: DatabaseLogin
    base: DatabaseLogin
    arn: str

    def run(self, *statements):
        with session(self.admin, None) as connection:
            for statement in statements:
                rows = connection.run(statement.format(base=self.base.username))
            return rows

    def rotate(self):
        self.player.rotate(self.arn)
        return value(self.player, self.arn)


def rights(login):
    return REDSHIFT.sign_in(login)


EVERYTHING = [
    "create schema of_{base} create table t (a int, b int)",
    "create function of_{base}.f(int, text) returns int language sql as 'select 1'",
    "create group g_{base}",
    "alter group g_{base} add user {base}",
    "grant temp on database dev to {base}",
    "grant usage on schema of_{base} to {base}",
    "grant select, insert on of_{base}.t to {base} with grant option",
    "grant update (b) on of_{base}.t to {base}",
    "grant execute on function of_{base}.f(int, text) to {base}",
    "grant usage on language sql to {base}",
    "alter user {base} connection limit 7",
    "alter user {base} valid until '2040-01-01 00:00:00+00'",
    "alter user {base} set search_path to '$user', 'of_{base}', 'With \"quotes, and all'",
    "alter user {base} set datestyle to 'ISO, DMY'",
]


def test_a_clone_may_do_all_that_its_base_may_and_is_asked_by_the_server(pair):
    pair.run(*EVERYTHING)
    before = rights(pair.base)
    clone = pair.rotate()
    assert clone.username == f"{pair.base.username}_clone"
    assert rights(clone) == before
    assert verdict(pair.base) is Verdict.LIVE
    for part in ("connection limit 7", "valid until 2040", "settings DateStyle, search_path"):
        assert part in before
    with session(clone, None) as connection:
        connection.run(f"select of_{pair.base.username}.f(1, '')")
        connection.run("insert into t values (1, 2)")
        shown = connection.run("show search_path")
    with session(pair.base, None) as connection:
        assert connection.run("show search_path") == shown


def test_they_take_turns_and_one_of_old_is_refused(pair):
    first = pair.rotate()
    second = pair.rotate()
    assert second.username == pair.base.username
    assert verdict(first) is Verdict.LIVE
    assert verdict(pair.base) is Verdict.DEAD
    assert verdict(pair.rotate()) is Verdict.LIVE
    assert verdict(first) is Verdict.DEAD


def test_what_the_base_lost_or_may_no_longer_hand_on_its_clone_loses_too(pair):
    pair.run(*EVERYTHING)
    pair.rotate()
    pair.run(
        "revoke insert on of_{base}.t from {base}",
        "revoke grant option for select on of_{base}.t from {base}",
        "alter group g_{base} drop user {base}",
        "alter user {base} reset datestyle",
        "grant delete on of_{base}.t to {base}",
    )
    base = pair.rotate()
    now = rights(base)
    assert "INSERT" not in now
    assert rights(pair.rotate()) == now


def test_a_clone_with_other_rights_is_not_promoted(pair):
    token = pair.player.until(pair.arn, Step.TEST)
    pair.run("create table of_{base} (a int)", "grant select on of_{base} to {base}")
    with pytest.raises(LesserRightsError, match=f'SELECT table "public"."of_{pair.base.username}"'):
        pair.player.step(pair.arn, Step.TEST, token)
    assert value(pair.player, pair.arn).username == pair.base.username


def test_a_stranger_of_that_name_is_not_taken_over(pair):
    pair.run("create user {base}_clone password 'theirs'")
    with pytest.raises(ConfigError, match="is not in group wickie_clones, so it is somebody"):
        pair.rotate()
    assert verdict(pair.base) is Verdict.LIVE


ODD_TYPE = """create type "{base};" as (a int); \
create function f_{base}("{base};") returns int language sql as 'select 1'; \
grant execute on function f_{base} to {base}"""


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("create schema authorization {base}", "owns schema"),
        ("create table t_{base} (a int); alter table t_{base} owner to {base}", "owns relation"),
        ("create schema s_{base}; grant create on schema s_{base} to {base}", "CREATE ON SCHEMA"),
        ("grant create on database dev to {base}", "CREATE ON DATABASE dev"),
        ("alter user {base} createdb", "may create databases"),
        ("alter user {base} superuser", "is a superuser"),
        ("create schema {base}", "by its own name"),
        (ODD_TYPE, "was granted EXECUTE function"),
        ("alter default privileges grant select on tables to {base}", "has default privileges"),
    ],
)
def test_who_creates_or_owns_takes_no_turns_and_is_told_why(pair, statement, reason):
    pair.run(*statement.split("; "))
    with pytest.raises(ConfigError, match=f"{reason}.* or use single-user"):
        pair.rotate()
    assert verdict(pair.base) is Verdict.LIVE
    assert not pair.run("select 1 from pg_user where usename = '{base}_clone'")


def test_an_administrator_who_does_not_see_all_is_refused(pair, cluster):
    lesser = replace(cluster.user(options="createrole"), dbname="dev")
    master = pair.player.store(lesser, engine="redshift")
    weak = replace(pair, player=pair.player.using("alternating-users", master))
    with pytest.raises(ProviderError, match="is no superuser and does not see what others"):
        weak.rotate()
