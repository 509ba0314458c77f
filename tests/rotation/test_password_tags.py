"""The tags of a secret say what its passwords look like, where wickie.yaml does not."""

from __future__ import annotations

from dataclasses import replace

import boto3
import pytest

from local.world import REGION
from tests.rotation.fakes import login
from wickie.aws import Clients
from wickie.errors import ConfigError
from wickie.rotation.driver import Step
from wickie.rotation.remote import RemoteSecret

pytestmark = pytest.mark.usefixtures("database")


def tagged(aws, arn, **tags):
    aws.client.tag_resource(
        SecretId=arn,
        Tags=[{"Key": f"wickie:password-{name}", "Value": text} for name, text in tags.items()],
    )
    return arn


def test_a_new_password_is_as_the_tags_say(aws, arn):
    aws.rotate(tagged(aws, arn, length="57", symbols="-_", consumers="url shell"))
    text = aws.value(arn).password.reveal()
    assert len(text) == 57
    assert set(text) & set("-_")


def test_wickie_yaml_wins_over_the_tags_one_by_one(aws, arn):
    tagged(aws, arn, length="nonsense", symbols="_")
    player = replace(aws, settings=replace(aws.settings, passwords={"length": 40}))
    player.rotate(arn)
    text = player.value(arn).password.reveal()
    assert len(text) == 40
    assert "_" in text


@pytest.mark.parametrize(
    ("tags", "complaint"),
    [
        ({"length": "long"}, "tag wickie:password-length of the secret is no number"),
        ({"length": "٣٢ "}, "tag wickie:password-length of the secret is no number"),
        ({"length": "12"}, "tags wickie:password-length of the secret: .*choose 24 to 128"),
        ({"symbols": "@", "consumers": "url"}, "wickie:password-symbols, .*-consumers of the"),
        ({"lenght": "40"}, "no tag wickie:password-lenght is known; use wickie:password-length"),
    ],
)
def test_a_tag_that_makes_no_sense_is_named_before_anything_is_stored(aws, arn, tags, complaint):
    tagged(aws, arn, **tags)
    token = aws.begin(arn)
    with pytest.raises(ConfigError, match=complaint):
        aws.rotate(arn, token)
    versions = aws.client.describe_secret(SecretId=arn)["VersionIdsToStages"]
    with pytest.raises(aws.client.exceptions.ResourceNotFoundException):
        aws.client.get_secret_value(SecretId=arn, VersionId=token)
    assert versions[token] == ["AWSPENDING"]


def test_a_tag_that_makes_no_sense_keeps_nobody_from_asking_after_a_credential(aws, arn):
    tagged(aws, arn, length="long")
    assert aws.act("verify", arn, aws.version(arn))["verdict"] == "LIVE"


def test_the_password_that_retires_a_user_keeps_to_the_tags_too(alternating_fake, database):
    player = alternating_fake
    arn = tagged(player, player.store(login()), length="61")
    old = player.version(arn)
    player.rotate(arn)
    player.act("retire", arn, old)
    assert len(database.passwords["app"]) == 61


def test_tags_cost_no_call_of_their_own(aws, arn, monkeypatch):
    described, describe = [], aws.client.describe_secret
    monkeypatch.setattr(
        aws.client, "describe_secret", lambda **kw: (described.append(1), describe(**kw))[1]
    )
    tagged(aws, arn, length="57")
    aws.until(arn, Step.SET)
    assert len(described) == 1


@pytest.fixture
def replica(aws, arn):
    """The same secret as another region sees it."""
    aws.client.replicate_secret_to_regions(
        SecretId=arn, AddReplicaRegions=[{"Region": "eu-west-1"}]
    )
    clients = Clients(boto3.Session("testing", "testing", region_name="eu-west-1"))
    return replace(aws, clients=clients), arn.replace(REGION, "eu-west-1")


def test_a_replica_is_refused_with_the_region_to_go_to(replica, database):
    elsewhere, arn = replica
    refusal = rf"eu-west-1:.* is a replica of a secret in {REGION}; rotate it there"
    with pytest.raises(ConfigError, match=refusal):
        elsewhere.step(arn, Step.CREATE, "0" * 36)
    with pytest.raises(ConfigError, match=refusal):
        RemoteSecret.describe(elsewhere.clients, arn)
    assert database.asked == []


def test_the_primary_of_a_replica_rotates(aws, arn, replica):
    del replica
    assert aws.rotate(arn) == aws.version(arn)
