"""Honeytokens are made once, open nothing, and are recognised by what gives them away."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto import mock_aws

from tests.deployed import create_prints
from wickie.aws import Clients
from wickie.config import Config, Honeytoken
from wickie.errors import ConfigError
from wickie.fingerprints import FingerprintTable
from wickie.honeytokens import Honeytokens

KEY = secrets.token_bytes(32)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """An account with a table of prints, and an IAM user who may do nothing."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        clients = Clients()
        create_prints(clients.dynamodb)
        clients.iam.create_user(UserName="nobody")
        table = FingerprintTable(clients.dynamodb, "prints")
        yield SimpleNamespace(
            table=table,
            iam=boto3.client("iam"),
            manager=boto3.client("secretsmanager"),
            honeytokens=Honeytokens(clients, table, KEY),
        )


def declared(**more: Any) -> Honeytoken:
    return Honeytoken(name="shop/honey", **more)


def value(aws: SimpleNamespace) -> str:
    text: str = aws.manager.get_secret_value(SecretId="shop/honey")["SecretString"]
    return text


def test_one_is_made_with_a_random_value_and_recognised_by_it(aws: SimpleNamespace) -> None:
    made = aws.honeytokens.create(declared())
    assert made.is_new
    (raw, *_) = [each for each in aws.table.load() if each.encoding == "raw"]
    assert (raw.arn, raw.honeytoken, raw.length) == (made.arn, True, len(value(aws)))
    before = value(aws)
    assert not aws.honeytokens.create(declared()).is_new
    assert value(aws) == before


def test_an_access_key_is_made_once_and_its_id_alone_gives_it_away(aws: SimpleNamespace) -> None:
    token = declared(user="path/nobody")
    for is_new in (True, False):
        assert aws.honeytokens.create(token).is_new is is_new
    (listed,) = aws.iam.list_access_keys(UserName="nobody")["AccessKeyMetadata"]
    key = json.loads(value(aws))
    assert key["AccessKeyId"] == listed["AccessKeyId"]
    lengths = {each.length for each in aws.table.load() if each.encoding == "raw"}
    assert lengths == {len(key["AccessKeyId"]), len(key["SecretAccessKey"])}


def test_a_user_with_any_right_is_no_bait(aws: SimpleNamespace) -> None:
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": statement})
    arn = aws.iam.create_policy(PolicyName="reads", PolicyDocument=policy)["Policy"]["Arn"]
    aws.iam.create_group(GroupName="team")
    for right, give, take in (
        ("reads", aws.iam.attach_user_policy, aws.iam.detach_user_policy),
        ("inline", aws.iam.put_user_policy, aws.iam.delete_user_policy),
        ("group team", aws.iam.add_user_to_group, aws.iam.remove_user_from_group),
    ):
        what = {
            "reads": {"PolicyArn": arn},
            "inline": {"PolicyName": "inline"},
            "group team": {"GroupName": "team"},
        }[right]
        given = {**what, "PolicyDocument": policy} if right == "inline" else what
        give(UserName="nobody", **given)
        with pytest.raises(ConfigError, match=f"has rights \\({right}\\)"):
            aws.honeytokens.create(declared(user="nobody"))
        take(UserName="nobody", **what)
    with pytest.raises(ConfigError, match="aws iam create-user --user-name gone"):
        aws.honeytokens.create(declared(user="gone"))
    assert aws.iam.list_access_keys(UserName="nobody")["AccessKeyMetadata"] == []


def test_a_key_that_was_made_and_lost_is_not_made_twice(aws: SimpleNamespace) -> None:
    lost = aws.iam.create_access_key(UserName="nobody")["AccessKey"]["AccessKeyId"]
    with pytest.raises(ConfigError, match=f"aws iam delete-access-key .* {lost}"):
        aws.honeytokens.create(declared(user="nobody"))


@pytest.mark.parametrize(
    ("text", "keys", "told"),
    [
        ("hunter2", (), "is too short or too easily guessed; give it 24"),
        ('{"password": "short"}', (), "guessed at password"),
        ('{"host": "db"}', (), "has none of AccessKeyId"),
        ('{"password": "x"}', ("pin",), "has none of pin in its JSON"),
    ],
)
def test_what_could_not_be_recognised_is_a_mistake_and_not_quoted(
    aws: SimpleNamespace, text: str, keys: tuple[str, ...], told: str
) -> None:
    aws.manager.create_secret(Name="shop/honey", SecretString=text)
    with pytest.raises(ConfigError, match=told) as caught:
        aws.honeytokens.create(declared(keys=keys))
    assert "hunter2" not in str(caught.value)
    assert list(aws.table.load()) == []


def test_what_rotates_or_stands_twice_is_no_honeytoken(
    aws: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = {"name": "shop/db", "engine": "postgres", "strategy": "single-user"}
    with pytest.raises(ValueError, match="shop/db stands in this file twice"):
        Config.model_validate(
            {"stage": "dev", "secrets": [secret], "honeytokens": [{"name": "shop/db"}]}
        )
    aws.manager.create_secret(Name="shop/honey", SecretString=secrets.token_urlsafe(32))
    described = aws.honeytokens.clients.secrets_manager
    monkeypatch.setattr(described, "describe_secret", lambda **_: {"RotationEnabled": True})
    with pytest.raises(ConfigError, match="rotates, so something uses it"):
        aws.honeytokens.create(declared())
