from __future__ import annotations

from dataclasses import replace

import pytest

from tests.rotation.asking import signing_in
from wickie.credentials import Sensitive
from wickie.errors import ConfigError, RotationError
from wickie.model import Verdict
from wickie.providers.pgwire import session
from wickie.rotation.driver import Step

pytestmark = pytest.mark.slow


@pytest.fixture
def alternating(aws, server):
    return aws.using("alternating-users", master=aws.store(server.admin))


def test_single_user_ends_with_the_new_password_alone(aws, server):
    old = server.user()
    arn = aws.store(old)
    aws.rotate(arn)
    new = aws.value(arn)
    assert new.username == old.username
    assert server.verdict(new) is Verdict.LIVE
    assert server.verdict(old) is Verdict.DEAD


def test_alternating_users_keep_the_old_credential_alive_for_one_rotation(alternating, server):
    first = server.user()
    arn = alternating.store(first)
    alternating.rotate(arn)
    second = alternating.value(arn)
    assert second.username == f"{first.username}_clone"
    assert server.verdict(first) is server.verdict(second) is Verdict.LIVE

    alternating.rotate(arn)
    third = alternating.value(arn)
    assert third.username == first.username
    assert server.verdict(first) is Verdict.DEAD
    assert server.verdict(second) is server.verdict(third) is Verdict.LIVE


def test_keys_that_wickie_does_not_know_survive(aws, server):
    arn = aws.store(server.user(), shard=7, tags={"a": ["b"]})
    before = aws.value(arn).document
    aws.rotate(arn)
    assert aws.value(arn).document == before
    assert before["shard"] == 7


@pytest.mark.parametrize("strategy", ["single-user", "alternating-users"])
@pytest.mark.parametrize("repeated", list(Step))
def test_every_step_may_be_repeated(aws, server, strategy, repeated):
    player = aws.using(strategy, master=aws.store(server.admin))
    arn = player.store(server.user())
    token = player.begin(arn)
    for step in Step:
        player.step(arn, step, token)
        if step is repeated:
            player.step(arn, step, token)
    assert player.version(arn) == token
    assert server.verdict(player.value(arn)) is Verdict.LIVE


def test_no_password_reaches_the_servers_log(aws, alternating, server):
    single, pair = aws.store(server.user()), alternating.store(server.user())
    values = []
    for _ in range(2):
        aws.rotate(single)
        alternating.rotate(pair)
        values += [aws.value(single), alternating.value(pair)]
    log = server.postgres.log_text()
    assert "SCRAM-SHA-256$" in log
    assert not [v.username for v in values if v.password.reveal() in log]


def test_what_the_clone_creates_belongs_to_the_base_user(alternating, server):
    base = server.user()
    schema = f"s_{base.username}"
    server.run(f"create schema {schema} authorization {base.username}")
    server.run(f"alter role {base.username} set search_path = {schema}, public")
    arn = alternating.store(base)
    alternating.rotate(arn)
    with session(alternating.value(arn), None) as clone:
        clone.run("create table made_by_clone (i int)")
        assert clone.run("show search_path") == [[f"{schema}, public"]]
    with session(server.admin, None) as admin:
        owners = admin.run(
            "select tableowner::text from pg_tables where schemaname = :schema", schema=schema
        )
    assert owners == [[base.username]]


def test_a_clone_that_may_do_less_is_not_promoted(alternating, server):
    base = server.user()
    arn = alternating.store(base)
    token = alternating.begin(arn)
    alternating.step(arn, Step.CREATE, token)
    alternating.step(arn, Step.SET, token)
    server.run(f"alter role {base.username}_clone reset role")
    for step in (Step.TEST, Step.FINISH):
        with pytest.raises(Exception, match="may do less"):
            alternating.step(arn, step, token)
    assert alternating.value(arn).username == base.username

    alternating.rotate(arn, token)  # the retry of Secrets Manager mends it
    assert alternating.version(arn) == token


def test_a_strangers_role_with_the_clones_name_is_left_alone(alternating, server):
    base = server.user()
    stranger = server.user(f"{base.username}_clone")
    arn = alternating.store(base)
    with pytest.raises(ConfigError, match="somebody else's"):
        alternating.rotate(arn)
    assert server.verdict(stranger) is Verdict.LIVE


def test_role_names_too_long_for_a_clone_are_refused_before_anything_is_made(alternating, server):
    base = server.user("x" * 60)
    with pytest.raises(ConfigError, match="longer than PostgreSQL's 63 bytes"):
        alternating.rotate(alternating.store(base))


def test_pending_that_lost_its_power_is_not_promoted(aws, server):
    user = server.user()
    arn = aws.store(user)
    token = aws.begin(arn)
    for step in (Step.CREATE, Step.SET, Step.TEST):
        aws.step(arn, step, token)
    server.run(f"alter role {user.username} password null")
    with pytest.raises(Exception, match="does not honour"):
        aws.step(arn, Step.FINISH, token)
    assert aws.version(arn) != token


def test_wrong_current_password_abandons_and_changes_nothing(aws, alternating, server):
    user = server.user()
    for player in (aws, alternating):
        arn = player.store(replace(user, password=Sensitive("wrong" * 8)))
        before = player.version(arn)
        with pytest.raises(RotationError, match="AWSCURRENT is not honoured"):
            player.rotate(arn)
        assert player.version(arn) == before
    assert server.verdict(user) is Verdict.LIVE


def test_previous_signs_in_where_current_never_took(aws, server):
    user = server.user()
    arn = aws.store(user)
    value = replace(user, password=Sensitive("never-set" * 4)).to_secret_string()
    aws.client.put_secret_value(SecretId=arn, SecretString=value)
    assert aws.version(arn, "AWSPREVIOUS")
    aws.rotate(arn)
    assert server.verdict(aws.value(arn)) is Verdict.LIVE


def test_previous_of_another_server_is_never_tried(aws, server):
    user = server.user()
    elsewhere = replace(user, document={**user.document, "host": "127.0.0.1"})
    arn = aws.store(elsewhere)
    value = replace(user, password=Sensitive("never-set" * 4)).to_secret_string()
    aws.client.put_secret_value(SecretId=arn, SecretString=value)
    with pytest.raises(RotationError, match="AWSCURRENT is not honoured"):
        aws.rotate(arn)
    assert server.verdict(user) is Verdict.LIVE


def test_alternating_users_refuse_no_login_while_they_rotate(alternating, server):
    arn = alternating.store(server.user())
    with signing_in(lambda: server.verdict(alternating.value(arn))) as client:
        for _ in range(4):
            alternating.rotate(arn)
            client.goes_on()
    assert set(client.verdicts) == {Verdict.LIVE}


def test_fingerprints_follow_the_labels(aws, server):
    arn = aws.store(server.user())
    first = aws.version(arn)
    token = aws.begin(arn)
    aws.step(arn, Step.CREATE, token)
    assert aws.stages(arn) == {first: "CURRENT", token: "PENDING"}
    aws.rotate(arn, token)
    assert aws.stages(arn) == {first: "PREVIOUS", token: "CURRENT"}
    last = aws.rotate(arn)
    assert aws.stages(arn) == {first: "RETIRED", token: "PREVIOUS", last: "CURRENT"}
