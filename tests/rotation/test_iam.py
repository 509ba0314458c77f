"""The access keys of an IAM user: who is honoured, what is made, and what is never deleted."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from bench.faults.standins.sts import Sts
from local.world import REGION
from tests.rotation.keys import DAY, Keys, as_key
from wickie.aws import Clients
from wickie.credentials import AccessKey, Sensitive
from wickie.errors import (
    AuthenticationError,
    ConfigError,
    ProviderUnavailableError,
    RotationError,
)
from wickie.model import Verdict
from wickie.providers import Context, Witness
from wickie.providers.iam import Iam

TOKEN = str(uuid.uuid4())


@pytest.fixture(scope="module")
def sts(aws):
    del aws  # moto goes first
    with pytest.MonkeyPatch.context() as patch:
        sts = Sts()
        sts.install(patch)
        yield sts


@pytest.fixture
def keys(aws, sts):
    return Keys.make(aws, sts)


def issue(keys, previous=None, token=TOKEN):
    return keys.iam.issue(keys.key(), lambda: previous, token)


def test_a_key_signs_in_as_its_user_and_only_with_its_own_secret(keys):
    key = keys.key()
    assert keys.iam.sign_in(key) == f"arn:aws:iam::123456789012:user/{keys.user}"
    forged = key.succeeded_by(key.key_id, Sensitive("x" * 40))
    with pytest.raises(AuthenticationError, match=f"does not honour key {key.key_id}"):
        keys.iam.sign_in(forged)


def test_a_key_that_is_inactive_or_gone_is_dead(keys):
    iam, key = keys.aws.clients.iam, keys.key()
    name = {"UserName": keys.user, "AccessKeyId": key.key_id}
    iam.update_access_key(**name, Status="Inactive")
    assert keys.verdict(key) is Verdict.DEAD
    iam.update_access_key(**name, Status="Active")
    assert keys.verdict(key) is Verdict.LIVE
    iam.delete_access_key(**name)
    assert keys.verdict(key) is Verdict.DEAD


def test_nothing_of_the_functions_own_role_signs_for_a_key(keys):
    session = boto3.Session("ASIAROLE", "s" * 40, "token", region_name=REGION)
    iam = Iam(Context(Clients(session), {"user": keys.user}))
    assert iam.sign_in(keys.key()).endswith(keys.user)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("Throttling", "Rate exceeded"),
        ("InternalFailure", "try later"),
        ("SignatureDoesNotMatch", "Signature expired: 20261101T000000Z is now earlier than …"),
        ("SignatureDoesNotMatch", "Signature not yet current: 20261101T000000Z is …"),
        ("RegionDisabledException", "STS is not activated in this region"),
    ],
)
def test_an_sts_that_gives_no_verdict_is_not_read_as_a_refusal(keys, monkeypatch, code, message):
    def refuse():
        raise ClientError({"Error": {"Code": code, "Message": message}}, "GetCallerIdentity")

    monkeypatch.setattr(Clients, "sts_as", lambda *_: SimpleNamespace(get_caller_identity=refuse))
    with pytest.raises(ProviderUnavailableError, match=f"did not say .*{code}"):
        keys.iam.sign_in(keys.key())
    assert keys.verdict(keys.key()) is Verdict.UNKNOWN


def test_an_sts_that_cannot_be_reached_is_told_so(keys, monkeypatch):
    def unreachable():
        raise EndpointConnectionError(endpoint_url="https://sts")

    sts = SimpleNamespace(get_caller_identity=unreachable)
    monkeypatch.setattr(Clients, "sts_as", lambda *_: sts)
    with pytest.raises(ProviderUnavailableError, match="could not be asked"):
        keys.iam.sign_in(keys.key())


def test_the_secret_key_is_shown_nowhere_but_in_the_secret(keys):
    key = keys.key()
    assert key.secret_key.reveal() not in repr(key)
    assert json.loads(key.to_secret_string()) == json.loads(keys.text())
    with pytest.raises(ConfigError, match="lacks SecretAccessKey") as caught:
        AccessKey.parse(json.dumps({"AccessKeyId": key.secret_key.reveal()}), "s")
    assert key.secret_key.reveal() not in str(caught.value)


def test_a_new_key_is_made_beside_the_current_one(keys):
    old = keys.key()
    new = issue(keys)
    assert keys.ids == {old.key_id, new.key_id}
    assert keys.iam.sign_in(new) == keys.iam.sign_in(old)
    assert new.document["team"] == "sea"


def test_a_user_may_be_named_with_its_path_as_its_arn_has_it(aws, sts):
    keys = Keys.make(aws, sts, path="/division/")
    assert keys.iam.sign_in(issue(keys)).endswith(f":user/division/{keys.user}")


def test_a_user_that_does_not_exist_is_named(keys):
    lost = replace(keys.aws.settings, options={"user": "nobody"})
    keys = replace(keys, aws=replace(keys.aws, settings=lost))
    with pytest.raises(ConfigError, match=r"IAM user nobody does not exist; correct options\.user"):
        issue(keys)


def test_the_user_is_the_one_of_the_options_whatever_the_secret_says(keys, aws, sts):
    own, victim = keys.key(), Keys.make(aws, sts)
    document = json.loads(victim.text()) | {"UserName": victim.user}
    keys.aws.client.put_secret_value(SecretId=keys.arn, SecretString=json.dumps(document))
    with pytest.raises(RotationError, match=f"is no key of IAM user {keys.user}"):
        issue(keys)
    with pytest.raises(RotationError, match=f"is no key of IAM user {keys.user}"):
        keys.iam.revoke(own, keys.key())
    assert len(victim.ids) == len(keys.ids) == 1


def test_a_current_key_that_somebody_deactivated_is_not_replaced_by_a_live_one(keys):
    name = {"UserName": keys.user, "AccessKeyId": keys.key().key_id}
    keys.aws.clients.iam.update_access_key(**name, Status="Inactive")
    with pytest.raises(RotationError, match="somebody made inactive; a new key would undo that"):
        issue(keys)
    assert len(keys.ids) == 1


def test_a_strangers_key_is_named_and_left_alone(keys):
    stranger = as_key(keys.create())
    with pytest.raises(RotationError, match="no room for a new key") as caught:
        issue(keys)
    assert stranger.key_id in str(caught.value)
    assert "never used" in str(caught.value)
    assert f"aws iam delete-access-key --user-name {keys.user}" in str(caught.value)
    assert keys.verdict(stranger) is Verdict.LIVE


def _previous_of(keys):
    """The key before the one that has just become current."""
    previous = keys.key()
    keys.aws.rotate(keys.arn)
    return previous


def test_a_previous_key_that_nobody_uses_makes_room(keys, sts):
    previous = _previous_of(keys)
    sts.age(DAY)
    new = issue(keys, previous)
    assert keys.ids == {keys.key().key_id, new.key_id}
    assert keys.verdict(previous) is Verdict.DEAD


def test_a_previous_key_still_in_use_is_kept_and_its_use_told(keys, sts):
    previous = _previous_of(keys)
    sts.age(DAY)
    sts.use(previous.key_id, "s3")
    with pytest.raises(RotationError, match=r"last used at .* UTC \(s3, us-east-1\)") as caught:
        issue(keys, previous)
    assert f"{datetime.now(UTC):%Y-%m-%d}" in str(caught.value)
    assert f"--status Inactive --user-name {keys.user}" in str(caught.value)
    assert keys.verdict(previous) is Verdict.LIVE

    iam = keys.aws.clients.iam  # the remedy that the error names
    iam.update_access_key(UserName=keys.user, AccessKeyId=previous.key_id, Status="Inactive")
    issue(keys, previous)
    assert previous.key_id not in keys.ids


def test_clients_have_an_hour_to_move_to_the_new_key(keys, sts):
    previous = _previous_of(keys)
    sts.age(timedelta(minutes=50))
    sts.use(previous.key_id, "s3")
    with pytest.raises(RotationError, match="rotate again after 20"):
        issue(keys, previous)
    sts.age(timedelta(minutes=20))
    issue(keys, previous)
    assert previous.key_id not in keys.ids


def test_after_a_way_back_the_newer_key_makes_room_in_its_turn(keys, sts):
    keys.aws.rotate(keys.arn)
    keys.aws.act("restore", keys.arn, keys.aws.version(keys.arn, "AWSPREVIOUS"))
    newer = keys.key("AWSPREVIOUS")
    sts.use(newer.key_id, "s3")
    sts.age(DAY)
    issue(keys, newer)
    assert newer.key_id not in keys.ids


def test_revoking_may_be_repeated_and_never_hits_the_current_key(keys):
    old = keys.key()
    new = issue(keys)
    for _ in range(2):
        keys.iam.revoke(old, new)
    assert keys.ids == {new.key_id}
    with pytest.raises(RotationError, match="hold the same key"):
        keys.iam.revoke(new, new)
    assert keys.ids == {new.key_id}


def test_a_key_of_another_user_is_not_revoked(keys, aws, sts):
    other = Keys.make(aws, sts)
    keys.iam.revoke(other.key(), keys.key())
    assert other.verdict(other.key()) is Verdict.LIVE


def test_it_is_known_who_used_a_key_and_when(keys, sts):
    old, start = keys.key(), datetime.now(UTC)
    assert isinstance(keys.iam, Witness)
    assert keys.iam.used_since(old, old, start) is None
    sts.use(old.key_id, "dynamodb")
    assert "(dynamodb, us-east-1)" in keys.iam.used_since(old, old, start)
    assert keys.iam.used_since(old, old, datetime.now(UTC)) is None
    new = issue(keys)
    keys.iam.revoke(old, new)
    assert keys.iam.used_since(old, new, start) is None
