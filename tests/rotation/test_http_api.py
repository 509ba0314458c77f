"""Tokens of HTTP APIs, against servers that decide for themselves who is let in."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bench.faults.standins.token_api import SCOPES, Cloudflare, Datadog, GitLab, SendGrid, serving
from wickie.apis import read_declaration, settled, shipped
from wickie.config import load_config
from wickie.errors import ConfigError, ProviderError, ProviderUnavailableError
from wickie.rotation.driver import Step

pytestmark = pytest.mark.slow

VENDORS = [GitLab, Datadog, SendGrid, Cloudflare]


@pytest.fixture(params=VENDORS, ids=lambda vendor: vendor.__name__)
def vendor(request):
    with serving(request.param()) as running:
        yield running


@pytest.fixture
def player(aws, vendor):
    options = settled({**vendor.options, "base_url": vendor.url})
    settings = replace(aws.settings, engine="http-api", strategy="dual-key", options=options)
    return replace(aws, settings=settings)


@pytest.fixture
def arn(player, vendor):
    return player.store(vendor.secret())


def stored(player, vendor, arn, label="AWSCURRENT"):
    version = player.version(arn, label)
    text = player.client.get_secret_value(SecretId=arn, VersionId=version)["SecretString"]
    document = json.loads(text)
    return document, document[vendor.keys[0]]


def test_every_shipped_api_is_tried_here():
    assert shipped() == sorted(vendor.options["api"] for vendor in VENDORS)


def test_old_and_new_token_work_side_by_side_until_the_old_one_is_retired(player, vendor, arn):
    _, old = stored(player, vendor, arn)
    before = player.version(arn)
    player.rotate(arn)
    document, new = stored(player, vendor, arn)
    assert old != new
    assert document["team"] == "lighthouse"
    assert vendor.honours(old)
    assert vendor.honours(new)
    assert player.act("retire", arn, before)["verdict"] == "DEAD"
    assert (vendor.honours(old), vendor.honours(new)) == (False, True)


def test_a_successor_has_the_rights_of_the_token_before_it(player, vendor, arn):
    player.rotate(arn)
    _, new = stored(player, vendor, arn)
    made = vendor.holder(new)
    assert made.get("scopes", SCOPES) == SCOPES
    assert made.get("policies", [{"effect": "allow"}]) == [{"effect": "allow"}]


def test_no_more_than_two_tokens_are_left_however_often_it_rotates(player, vendor, arn):
    for _ in range(4):
        player.rotate(arn)
    assert len(vendor.tokens) == 2
    assert vendor.honours(stored(player, vendor, arn)[1])


def test_a_token_that_a_crash_lost_is_found_by_its_name_and_revoked(player, vendor, arn):
    stranger = vendor.add("somebody else's")
    token = player.begin(arn)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(player.client, "put_secret_value", lambda **_: pytest.fail("died here"))
        with pytest.raises(pytest.fail.Exception):
            player.step(arn, Step.CREATE, token)
    assert len(vendor.tokens) == 3  # one is nowhere but at the vendor
    player.rotate(arn, token)
    assert len(vendor.tokens) == 3
    assert vendor.honours(stranger["token"])
    assert vendor.honours(stored(player, vendor, arn)[1])


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_vendor_that_cannot_answer_is_asked_again_later(player, vendor, arn, status):
    token = player.until(arn, Step.TEST)
    vendor.fail = [status]
    with pytest.raises(ProviderUnavailableError, match=f"answered {status}; try again later"):
        player.step(arn, Step.TEST, token)
    assert player.act("verify", arn, player.version(arn))["verdict"] == "LIVE"


def test_a_vendor_out_of_reach_is_unknown_and_not_dead(player, vendor, arn):
    options = {**player.settings.options, "base_url": "http://127.0.0.1:1"}
    away = replace(player, settings=replace(player.settings, options=options))
    answer = away.act("verify", arn, player.version(arn))
    assert answer["verdict"] == "UNKNOWN"
    assert "127.0.0.1:1/" in answer["detail"]
    assert "does not answer" in answer["detail"]
    assert not vendor.seen


def test_a_redirect_is_not_followed(player, vendor, arn):
    vendor.fail = [302]
    answer = player.act("verify", arn, player.version(arn))
    assert (answer["verdict"], len(vendor.seen)) == ("UNKNOWN", 1)
    assert "answered 302" in answer["detail"]


def test_no_answer_and_no_error_tells_a_token(player, vendor, arn):
    _, old = stored(player, vendor, arn)
    vendor.tokens.clear()
    dead = player.act("verify", arn, player.version(arn))
    assert dead["verdict"] == "DEAD"
    vendor.fail = [418]
    told = player.act("verify", arn, player.version(arn))
    assert old not in json.dumps([dead, told])


def test_where_a_token_is_sent_is_not_for_the_secret_to_say(player, vendor):
    document = json.loads(vendor.secret()) | {"base_url": "http://127.0.0.1:1"}
    arn = player.store(json.dumps(document))
    assert player.act("verify", arn, player.version(arn))["verdict"] == "LIVE"


def test_plain_http_is_for_loopback(player, arn):
    options = {**player.settings.options, "base_url": "http://vendor.example"}
    plain = replace(player, settings=replace(player.settings, options=options))
    with pytest.raises(ConfigError, match="write an https:// URL"):
        plain.act("verify", arn, player.version(arn))


DECLARATION = Path(__file__).parents[2] / "wickie" / "apis" / "sendgrid.yaml"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("id: api_key_id\noptions", "options", "id: Field required"),
        ("{api_key}", "{api_kee}", "nothing is known by {api_kee}; name it under options or also"),
        ("wickie {rotation}", "wickie", "issue must name the token by {rotation}"),
        ("method: GET", "method: TRACE", "verify.method"),
        ("base_url", "url", "options lacks base_url"),
        ("secret:", "secret: [", "is not YAML"),
    ],
)
def test_a_mistake_in_a_declaration_is_found_before_anything_is_issued(tmp_path, old, new, told):
    path = tmp_path / "own.yaml"
    text = DECLARATION.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(ConfigError) as caught:
        read_declaration(str(path))
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("{}", "api is missing; use one of cloudflare-token, datadog-api-key"),
        ("{api: gitlub}", "no API 'gitlub'; use one of cloudflare-token"),
        ("{api: gitlab-project-token}", "project: this API needs it; set it in options"),
        ("{api: sendgrid, project: a}", "project: the options of this API are base_url"),
    ],
)
def test_wickie_yaml_is_told_what_is_wrong_with_an_api(tmp_path, options, told):
    path = tmp_path / "wickie.yaml"
    secret = f"{{name: a, engine: http-api, strategy: dual-key, options: {options}}}"
    path.write_text(f"stage: dev\nsecrets: [{secret}]\n")
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert told in str(caught.value)


def test_an_answer_without_a_token_is_an_error_and_no_value(player, vendor, arn, monkeypatch):
    monkeypatch.setattr(type(vendor), "route", lambda *_: (200, {"result": [], "data": []}))
    with pytest.raises(ProviderError, match="its answer has none"):
        player.step(arn, Step.CREATE, player.begin(arn))
