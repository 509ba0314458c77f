"""AWS's side of a dependent: a secret on paper, and clients whose replies are scripted."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import boto3
import pytest
from botocore.stub import Stubber

from tests.rotation.dependents.servers import Receiver, serve
from tests.rotation.paper import Secret

Script = Callable[..., Stubber]


@pytest.fixture
def secret() -> Secret:
    """The secret shop/db under rotation; more clients are added to it as attributes."""
    return Secret()


@pytest.fixture
def script(secret: Secret) -> Iterator[Script]:
    """Give `secret` a client that has the shapes of AWS's API checked, and expects each call."""
    stubbers: list[Stubber] = []

    def make(service: str) -> Stubber:
        client = boto3.client(
            service, "us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
        )
        stubber = Stubber(client)
        stubber.activate()
        stubbers.append(stubber)
        setattr(secret, service, client)
        return stubber

    yield make
    for stubber in stubbers:
        stubber.assert_no_pending_responses()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver without TLS, which is for this machine alone."""
    with serve(lambda place: Receiver(f"http://{place}/hooks/wickie")) as receiver:
        yield receiver
