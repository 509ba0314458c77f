"""A receiver on this machine is told once it can be, and can prove by KMS who told it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from tests.deployed import create_key
from tests.patience import BRIEF
from tests.rotation.dependents.servers import Receiver
from tests.rotation.paper import ARN, Secret
from wickie.asking import Patience
from wickie.errors import NotFoundError
from wickie.model import DependentState
from wickie.rotation.dependents import Declared
from wickie.rotation.dependents.webhook import SIGNATURE, Webhook

WINDOW = 300


@pytest.fixture
def key(secret: Secret) -> Iterator[str]:
    """An HMAC key of KMS's that the receiver verifies with."""
    with mock_aws():
        kms: Any = boto3.client("kms", "us-east-1")
        secret.kms = kms  # type: ignore[attr-defined]
        yield create_key(kms)


def webhook(secret: Secret, url: str, key: str, **more: Any) -> Webhook:
    entry = Declared("shop/db", {}, secret)  # type: ignore[arg-type]
    return Webhook(entry, url, key, **{"tries": BRIEF, "patience": BRIEF, **more})


def is_genuine(kms: Any, key: str, header: str, body: bytes) -> bool:
    """What docs/dependents.md tells a receiver to do."""
    parts = dict(part.split("=", 1) for part in header.split(","))
    if abs(time.time() - int(parts["t"])) > WINDOW:
        return False
    try:
        kms.verify_mac(
            KeyId=key,
            MacAlgorithm="HMAC_SHA_256",
            Message=f"{parts['t']}.".encode() + body,
            Mac=bytes.fromhex(parts["v1"]),
        )
    except ClientError:
        return False
    return True


def test_a_receiver_is_told_which_version_of_which_secret_and_can_verify_it(
    secret: Secret, key: str, receiver: Receiver
) -> None:
    receiver.answers = [202]
    outcome = webhook(secret, receiver.url, key).refresh("v2")
    assert outcome.state is DependentState.REFRESHED
    (request,) = receiver.seen
    assert (request.method, request.path) == ("POST", "/hooks/wickie")
    assert json.loads(request.body) == {"event": "secret.rotated", "secret": ARN, "version": "v2"}
    kms, signed = secret.kms, request.headers[SIGNATURE]  # type: ignore[attr-defined]
    assert is_genuine(kms, key, signed, request.body)
    assert not is_genuine(kms, key, signed, request.body.replace(b"v2", b"v1"))
    moved = f"t={int(time.time()) + 1},{signed.partition(',')[2]}"
    assert not is_genuine(kms, key, moved, request.body), "the time is signed too"


def test_an_old_message_is_not_genuine_any_more(
    secret: Secret, key: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now - WINDOW - 1)
    webhook(secret, receiver.url, key).refresh("v2")
    monkeypatch.undo()
    (request,) = receiver.seen
    kms: Any = secret.kms  # type: ignore[attr-defined]
    assert not is_genuine(kms, key, request.headers[SIGNATURE], request.body)


def test_a_receiver_that_fails_for_a_moment_is_told_again(
    secret: Secret, key: str, receiver: Receiver
) -> None:
    receiver.answers = [500, 503, 429, 204]
    outcome = webhook(secret, receiver.url, key).refresh("v2")
    assert outcome.state is DependentState.REFRESHED
    assert len(receiver.seen) == 4


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (503, "it answered 503"),
        (403, "it answered 403"),
        ((302, {"Location": "/elsewhere"}, b""), "it answered 302"),
    ],
    ids=["keeps failing", "refuses", "sends elsewhere"],
)
def test_a_receiver_that_does_not_take_it_is_unhealthy(
    secret: Secret, key: str, receiver: Receiver, answer: Any, why: str
) -> None:
    receiver.answers = [answer]
    brief = Patience(0.05, first=0.001)
    outcome = webhook(secret, receiver.url, key, tries=brief).refresh("v2")
    assert (outcome.state, outcome.detail) == (DependentState.UNHEALTHY, why)
    assert {request.path for request in receiver.seen} == {"/hooks/wickie"}


def test_a_receiver_that_is_not_there_is_unhealthy_and_its_query_is_not_shown(
    secret: Secret, key: str
) -> None:
    url = "http://localhost:9/hook?token=hidden"
    outcome = webhook(secret, url, key, tries=Patience(0)).refresh("v2")
    assert outcome.state is DependentState.UNHEALTHY
    assert "http://localhost:9/hook does not answer (ConnectionRefusedError)" in outcome.detail
    assert outcome.name == "webhook http://localhost:9/hook"
    assert "hidden" not in repr(webhook(secret, url, key))


def test_its_health_is_waited_for(secret: Secret, key: str, receiver: Receiver) -> None:
    health = receiver.url.replace("/hooks/wickie", "/healthz")
    receiver.answers = [202, 503, 204, 200]
    outcome = webhook(secret, receiver.url, key, health=health).refresh("v2")
    assert outcome.state is DependentState.REFRESHED
    assert [request.path for request in receiver.seen] == ["/hooks/wickie", *["/healthz"] * 3]

    receiver.answers = [202, 503]
    impatient = webhook(secret, receiver.url, key, health=health, patience=Patience(0.05))
    outcome = impatient.refresh("v2")
    assert outcome.state is DependentState.UNHEALTHY
    assert "/healthz was not 200 within 0 s" in outcome.detail


def test_a_key_that_does_not_exist_is_told_by_its_arn(
    secret: Secret, key: str, receiver: Receiver
) -> None:
    gone = f"{key[:-4]}0000"
    with pytest.raises(NotFoundError, match=f"KMS key {gone}"):
        webhook(secret, receiver.url, gone).refresh("v2")
    assert not receiver.seen
