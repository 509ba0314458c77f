"""Secrets, events and settings that a person got wrong: one line each, with the remedy."""

from __future__ import annotations

import json
import re

import pytest

from tests.rotation.fakes import login
from wickie.errors import (
    ConfigError,
    NotFoundError,
    RotationError,
)
from wickie.rotation.driver import Step

pytestmark = pytest.mark.usefixtures("database")


GOOD = json.loads(login().to_secret_string())


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("not json", "is not a JSON object; store"),
        (json.dumps({"username": "app"}), "lacks engine, host, password; add them"),
        (json.dumps(GOOD | {"port": "five"}), "a port that is no number; correct it"),
        (json.dumps(GOOD | {"engine": "oracel"}), "is for engine 'oracel' and not for postgres or"),
    ],
)
def test_a_bad_secret_gets_one_line_with_the_remedy(aws, text, remedy):
    arn = aws.store(text)
    for attempt in (
        lambda: aws.step(arn, Step.CREATE, aws.begin(arn)),
        lambda: aws.act("verify", arn, aws.version(arn)),
    ):
        with pytest.raises(ConfigError, match=re.escape(remedy)) as caught:
            attempt()
        assert "\n" not in str(caught.value)
        assert GOOD["password"] not in str(caught.value)


def test_binary_secrets_are_refused(aws):
    arn = aws.client.create_secret(Name="binary", SecretBinary=b"\x00")["ARN"]
    with pytest.raises(ConfigError, match="binary data; store a JSON object"):
        aws.act("verify", arn, aws.version(arn))


def test_a_secret_that_does_not_exist_is_named(aws):
    with pytest.raises(NotFoundError, match="no secret shop/nowhere here; check its name"):
        aws.step("shop/nowhere", Step.CREATE, "0" * 36)


def test_a_master_that_does_not_exist_is_named(aws):
    player = aws.using("alternating-users", master="shop/nobody")
    with pytest.raises(NotFoundError, match="no secret shop/nobody"):
        player.rotate(player.store(login()))


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"SecretId": "s"},
        {"SecretId": "s", "Step": "createSecret"},
        {"SecretId": "s", "Step": "dance", "ClientRequestToken": "t"},
    ],
)
def test_events_that_nobody_sends_are_refused(aws, event):
    with pytest.raises(ConfigError, match="SecretId"):
        aws.send(event)


def test_no_password_is_in_any_error(aws, database, arn):
    token = aws.until(arn, Step.SET)
    database.passwords["app"] = "changed by hand"
    with pytest.raises(RotationError) as caught:
        aws.step(arn, Step.SET, token)
    values = (aws.value(arn), aws.value(arn, "AWSPENDING"))
    assert not [v for v in values if v.password.reveal() in repr(caught.value)]
