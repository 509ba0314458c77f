"""Signing keys, honoured by a consumer that reads the secret and goes by its labels."""

from __future__ import annotations

import json
import secrets
from dataclasses import replace

import pytest
from botocore.exceptions import ClientError

from bench.faults.arenas.signing_key import LABELS, Consumer, serving
from local.certificates import make_certificates
from wickie.config import load_config
from wickie.errors import ConfigError, ProviderError, ProviderUnavailableError, RotationError
from wickie.providers.signing_key import SigningKey
from wickie.rotation.driver import Step

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    made = make_certificates(["localhost"])
    bundle = tmp_path_factory.mktemp("ca") / "ca.pem"
    bundle.write_text(made.ca_pem)
    return made, str(bundle)


@pytest.fixture
def unasked(aws):
    """No URL of a consumer's is known."""
    return replace(aws, settings=replace(aws.settings, engine="signing-key", strategy="dual-key"))


@pytest.fixture
def arn(unasked):
    key = {"kty": "oct", "alg": "HS256", "kid": "first", "k": secrets.token_urlsafe(32)}
    return unasked.store(json.dumps(key | {"team": "lighthouse"}))


def values(aws, arn, labels=LABELS):
    """What a consumer reads; AWSPENDING has no value for a moment, or there is none."""
    for label in labels:
        try:
            reply = aws.client.get_secret_value(SecretId=arn, VersionStage=label)
        except ClientError:
            continue
        yield reply["SecretString"]


@pytest.fixture
def consumer(aws, arn, tls):
    with serving(Consumer(lambda _kid: list(values(aws, arn))), tls[0]) as running:
        yield running


@pytest.fixture
def player(unasked, consumer, tls):
    settings = replace(unasked.settings, options={"verify": consumer.url}, ca_bundle=tls[1])
    return replace(unasked, settings=settings)


def key(aws, arn):
    reply = aws.client.get_secret_value(SecretId=arn, VersionId=aws.version(arn))
    return SigningKey.parse(reply["SecretString"], arn)


def test_old_and_new_key_are_accepted_side_by_side_until_the_old_one_is_retired(
    player, consumer, arn
):
    before, old = player.version(arn), key(player, arn)
    new_version = player.rotate(arn)
    new = key(player, arn)
    assert player.version(arn) == new_version
    assert old.kid != new.kid
    assert new.document["team"] == "lighthouse"
    assert player.act("verify", arn, before)["verdict"] == "LIVE"
    assert player.act("verify", arn, new_version)["verdict"] == "LIVE"
    assert player.act("retire", arn, before)["verdict"] == "DEAD"
    assert set(consumer.keys) == {new.kid}
    assert player.version(arn, "AWSPREVIOUS") is None


def test_a_key_is_in_use_only_once_the_consumer_accepts_it(aws, player, consumer, arn):
    consumer.read = lambda _kid: list(values(aws, arn, LABELS - {"AWSPENDING"}))
    before, hasty = player.version(arn), replace(player, seconds_left=16)
    token = hasty.until(arn, Step.SET)
    with pytest.raises(ProviderUnavailableError, match="is not honoured after"):
        hasty.step(arn, Step.SET, token)
    assert player.version(arn) == before


def test_a_consumer_that_has_not_read_the_secret_again_keeps_the_old_key_from_being_called_dead(
    player, consumer, arn
):
    before = player.version(arn)
    player.rotate(arn)
    consumer.rereads = False
    with pytest.raises(RotationError, match="still honoured after its retirement; it carries no"):
        replace(player, seconds_left=16).act("retire", arn, before)
    consumer.refresh("first")
    assert player.act("retire", arn, before)["verdict"] == "DEAD"


def test_nothing_is_drawn_where_the_consumer_does_not_know_the_key_in_use(player):
    wrong = json.dumps({"kid": "first", "k": secrets.token_urlsafe(32)})
    other = player.store(wrong)
    with pytest.raises(ProviderError, match="does not honour key first"):
        player.step(other, Step.CREATE, player.begin(other))


@pytest.mark.parametrize("status", [418, 429, 500, 302])
def test_only_401_and_403_say_that_a_key_is_not_honoured(player, consumer, arn, status):
    consumer.fail = [status]
    answer = player.act("verify", arn, player.version(arn))
    assert answer["verdict"] == "UNKNOWN"
    assert str(status) in answer["detail"]


def test_a_consumer_that_cannot_prove_who_it_is_is_shown_no_challenge(player, consumer, arn):
    stranger = replace(player, settings=replace(player.settings, ca_bundle=None))
    answer = stranger.act("verify", arn, player.version(arn))
    assert answer["verdict"] == "UNKNOWN"
    assert "TLS" in answer["detail"]
    assert not consumer.seen


def test_a_challenge_is_for_its_consumer_and_not_to_be_taken_for_a_token(player, consumer, arn):
    player.act("verify", arn, player.version(arn))
    player.act("verify", arn, player.version(arn))
    first, second = consumer.seen
    assert (first["typ"], first["kid"]) == ("wickie-challenge+jwt", "first")
    assert first["aud"] == consumer.url
    assert first["jti"] != second["jti"]


def test_without_a_consumer_to_ask_a_key_lives_by_its_label_and_says_so(unasked, arn):
    unasked.rotate(arn)
    for label in ("AWSCURRENT", "AWSPREVIOUS"):
        answer = unasked.act("verify", arn, unasked.version(arn, label))
        assert answer["verdict"] == "LIVE"
        assert "by its label alone; nobody was asked: set options.verify" in answer["detail"]


def test_without_a_consumer_to_ask_no_key_is_ever_called_dead(unasked, arn):
    before = unasked.version(arn)
    unasked.rotate(arn)
    told = [unasked.act(action, arn, before) for action in ("retire", "retire", "verify")]
    assert [answer["verdict"] for answer in told] == ["UNKNOWN"] * 3
    assert all("carries no label" in answer["detail"] for answer in told)
    assert unasked.version(arn, "AWSPREVIOUS") is None


@pytest.mark.parametrize("asked", [True, False])
def test_a_superseded_key_is_retired_by_night(request, arn, asked):
    player = request.getfixturevalue("player" if asked else "unasked")
    player.rotate(arn)
    answer = player.send({"Action": "settle", "SecretId": arn, "GraceSeconds": "0"})
    assert (answer["state"], answer["verdict"]) == ("RETIRED", "DEAD" if asked else "UNKNOWN")
    assert player.version(arn, "AWSPREVIOUS") is None


@pytest.mark.parametrize(
    ("more", "options", "size"),
    [
        ({}, {}, 32),
        ({"alg": "HS512"}, {}, 64),
        ({"size": 48}, {}, 48),
        ({"size": 48}, {"size": "40"}, 40),
    ],
)
def test_a_key_is_as_long_as_its_algorithm_wants_or_somebody_says(unasked, more, options, size):
    player = replace(unasked, settings=replace(unasked.settings, options=options))
    arn = player.store(json.dumps({"kid": "first", "k": secrets.token_urlsafe(32)} | more))
    player.rotate(arn)
    assert len(key(player, arn).octets()) == size


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"kid": "a"}, "lacks k"),
        ({"kid": "a", "k": "!!"}, "k in secret .* is no base64url"),
        ({"kid": "a", "k": ""}, "k in secret .* is no base64url"),
        ({"kid": "a", "k": "YWJj", "alg": "none"}, "an alg other than HS256, HS384, HS512"),
        ({"kid": "a", "k": "YWJj", "alg": "HS512", "size": 32}, "not within 64 to 512"),
    ],
)
def test_a_secret_that_holds_no_key_is_refused(unasked, value, told):
    arn = unasked.store(json.dumps(value))
    with pytest.raises(ConfigError, match=told):
        unasked.step(arn, Step.CREATE, unasked.begin(arn))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("{verify: http://app.example/verify}", "write an https:// URL"),
        ("{verify: https://user:pass@app.example/}", "holds no user or password"),
        ("{size: '16'}", "size: 16 bytes are not within 32 to 512"),
        ("{size: many}", "size: many bytes are not within"),
        ("{verfiy: https://a.example}", "verfiy: the options of this engine are verify, size"),
    ],
)
def test_wickie_yaml_is_told_what_is_wrong_with_the_options(tmp_path, options, told):
    path = tmp_path / "wickie.yaml"
    secret = f"{{name: a, engine: signing-key, strategy: dual-key, options: {options}}}"
    path.write_text(f"stage: dev\nsecrets: [{secret}]\n")
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_wickie_yaml_need_not_name_a_consumer(tmp_path):
    path = tmp_path / "wickie.yaml"
    path.write_text("stage: dev\nsecrets: [{name: a, engine: signing-key, strategy: dual-key}]\n")
    assert load_config(path).secrets[0].options == {}
