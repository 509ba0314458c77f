"""A whole rotation through wickie's own AWS clients, and what botocore makes of its calls."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError

from bench.faults.aws import TABLE
from bench.function import Account
from local.server import LocalAws
from local.world import REGION
from tests.rotation.fakes import FakeDatabase, login
from wickie.aws import FunctionClients
from wickie.awsjson import JsonClient
from wickie.awsjson.connections import Connections
from wickie.awsjson.errors import RefusedError
from wickie.errors import ConfigError, NotFoundError
from wickie.rotation.driver import Step
from wickie.rotation.registry import RotationSettings, respond

pytestmark = pytest.mark.slow


@dataclass
class Made:
    """One call: what was asked, sent, answered, and what the client made of the answer."""

    service: str
    operation: str
    parameters: dict[str, Any]
    sent: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answers: list[Any] = field(default_factory=list)
    outcome: Any = None


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Made]:
    """Every call of this process's own clients."""
    calls: list[Made] = []
    call, post = JsonClient.call, Connections.post

    def called(client: JsonClient, operation: str, parameters: Any) -> Any:
        calls.append(Made(client.scope.service, operation, dict(parameters)))
        try:
            calls[-1].outcome = call(client, operation, parameters)
        except RefusedError as error:
            calls[-1].outcome = error
            raise
        return calls[-1].outcome

    def posted(connections: Connections, headers: Any, body: bytes) -> Any:
        answer = post(connections, headers, body)
        calls[-1].sent.append((dict(headers), body))
        calls[-1].answers.append(answer)
        return answer

    monkeypatch.setattr(JsonClient, "call", called)
    monkeypatch.setattr(Connections, "post", posted)
    return calls


class Raw:
    """A body as botocore reads one from its network."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, **_: object) -> Any:
        yield self._body


def replayed(call: Made) -> tuple[Any, Any]:
    """What botocore sends for the same call, and how it reads the very same answer."""
    client = boto3.Session("testing", "testing", region_name=REGION).client(call.service)
    requests = []

    def answered(request: Any, **_: object) -> AWSResponse:
        requests.append(request)
        (answer,) = call.answers
        return AWSResponse(request.url, answer.status, {}, Raw(answer.body))

    client.meta.events.register("before-send", answered)
    parameters = dict(call.parameters)
    if token := json.loads(call.sent[0][1]).get("ClientRequestToken"):
        parameters["ClientRequestToken"] = token  # it draws one of its own
    try:
        reply = client._make_api_call(call.operation, parameters)
    except ClientError as error:
        reply = error
    return requests[0], reply


def same(call: Made) -> None:
    request, theirs = replayed(call)
    headers, body = call.sent[0]
    assert json.loads(body) == json.loads(request.body)
    for name in ("X-Amz-Target", "Content-Type"):
        told = request.headers[name]
        assert headers[name] == (told.decode() if isinstance(told, bytes) else told)
    ours = call.outcome
    if isinstance(theirs, ClientError):
        assert (type(ours).__name__, str(ours)) == (type(theirs).__name__, str(theirs))
        ours, theirs = ours.response, theirs.response
    members = theirs.keys() - {"ResponseMetadata", "message"}
    # What moto says beyond AWS's own model, botocore drops.
    assert {name: ours.get(name) for name in members} == {name: theirs[name] for name in members}
    status = "HTTPStatusCode"
    assert ours["ResponseMetadata"][status] == theirs["ResponseMetadata"][status]


def test_every_call_of_a_rotation_is_sent_and_read_as_botocore_would(
    made: list[Made], database: FakeDatabase
) -> None:
    with LocalAws() as aws:
        account = Account(aws)
        settings = RotationSettings("postgres", "single-user", TABLE, account.fingerprint_key)
        clients = FunctionClients(aws.environment())

        def rotate(arn: str) -> None:
            token = account.begin(arn)
            for step in Step:
                event = {"Step": step.value, "SecretId": arn, "ClientRequestToken": token}
                respond(event, settings, clients, lambda: 60.0)

        arn = account.store(login().to_secret_string())
        rotate(arn)
        other = account.store(account.read(arn))
        with pytest.raises(ConfigError, match="is for secret"):
            rotate(other)
        with pytest.raises(NotFoundError, match="no secret none here"):
            respond(
                {"Step": "setSecret", "SecretId": "none", "ClientRequestToken": "t" * 32},
                settings,
                clients,
                lambda: 60.0,
            )
    assert database
    for call in made:
        same(call)
    refused = {type(c.outcome).__name__ for c in made if isinstance(c.outcome, Exception)}
    assert refused == {"ResourceNotFoundException", "ConditionalCheckFailedException"}
    assert {c.operation for c in made} == {
        "DescribeSecret", "GetSecretValue", "PutSecretValue", "UpdateSecretVersionStage",
        "UpdateItem", "Query", "TransactWriteItems", "GenerateMac",
    }  # fmt: skip
