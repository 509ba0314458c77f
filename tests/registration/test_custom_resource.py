"""CloudFormation is answered whatever happens, and a stack is never held back by Prefect."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from tests.rotation.dependents.servers import Receiver, Request, serve
from wickie.asking import Patience
from wickie.aws import Clients
from wickie.registration import custom_resource
from wickie.registration.custom_resource import NOTHING, PUSHER_KEY, REGISTRATION, answer
from wickie.registration.manifest import Manifest

KEY = secrets.token_urlsafe(24)
CLOSED = "http://localhost:9/api"
USER, SECRET = "wickie-x-pusher", "wickie/x/pusher"


@dataclass
class Prefect:
    """A server that has nothing and takes everything; the real one is in tests/flows."""

    url: str
    seen: list[Request] = field(default_factory=list)

    def answer(self, request: Request) -> tuple[int, dict[str, str], bytes]:
        self.seen.append(request)
        if request.headers.get("Authorization") != f"Bearer {KEY}":
            return 401, {}, request.headers.get("Authorization", "").encode()
        if request.method == "GET":
            return 404, {}, b""
        made = {"id": "1", "created": "now", "name": "any"}
        sent = json.loads(request.body or b"{}")
        found = request.path.endswith("/automations/filter") and any(
            seen.path.endswith("/automations/") for seen in self.seen
        )
        if request.path.endswith("/filter"):
            return 200, {}, json.dumps([made] if found else []).encode()
        return 201, {}, json.dumps({**sent, **made}).encode()


@pytest.fixture
def prefect() -> Iterator[Prefect]:
    with serve(lambda place: Prefect(f"http://{place}/api")) as prefect:
        yield prefect


@pytest.fixture
def cloudformation() -> Iterator[Receiver]:
    with serve(lambda place: Receiver(f"http://{place}/answer?Signature=x")) as receiver:
        yield receiver


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clients]:
    monkeypatch.setattr(custom_resource, "PATIENT", Patience(0))
    monkeypatch.setattr(custom_resource, "LEAVING", Patience(0))
    with mock_aws():
        clients = Clients(boto3.Session(region_name="eu-west-1"))
        clients.secrets_manager.create_secret(Name="prefect/key", SecretString=f"{KEY}\n")
        yield clients


Ask = Callable[..., dict[str, Any]]


@pytest.fixture
def ask(  # noqa: PLR0917  (pytest passes each by name)
    clients: Clients,
    cloudformation: Receiver,
    prefect: Prefect,
    manifest: Manifest,
    published: str,
    tmp_path: Path,
) -> Ask:
    """Have the function asked as CloudFormation asks it; what it answers."""
    path = tmp_path / "manifest.json"
    path.write_text(manifest.to_json())

    def run(kind: str, id_: str | None = None, seconds: float = 300, **given: Any) -> Any:
        properties = {"ApiUrl": prefect.url, "ApiKeySecret": "prefect/key", "WorkPool": published}
        event = {
            "RequestType": kind,
            "ResourceType": given.pop("type", REGISTRATION),
            "ResponseURL": cloudformation.url,
            "StackId": "arn:stack",
            "RequestId": "request",
            "LogicalResourceId": "Registration",
            "ResourceProperties": {**properties, **given},
            **({"PhysicalResourceId": id_} if id_ else {}),
        }
        answer(event, clients, path, lambda: seconds)
        (request,) = cloudformation.seen
        cloudformation.seen.clear()
        assert (request.method, request.headers["Content-Type"]) == ("PUT", "")
        told = json.loads(request.body)
        assert (told["StackId"], told["RequestId"]) == ("arn:stack", "request")
        assert KEY not in json.dumps(told)
        return told

    return run


def test_a_server_that_is_down_is_a_clear_failure_and_a_later_try_succeeds(ask: Ask) -> None:
    told = ask("Create", ApiUrl=CLOSED)
    assert told["Status"] == "FAILED"
    assert told["Reason"].startswith("http://localhost:9/api/work_pools/wickie-x does not answer")
    assert told["PhysicalResourceId"] == NOTHING
    assert ask("Delete", NOTHING, ApiUrl=CLOSED)["Status"] == "SUCCESS"
    told = ask("Create")
    assert (told["Status"], told["PhysicalResourceId"]) == ("SUCCESS", "wickie-x")


def test_a_failed_update_keeps_what_was_registered(ask: Ask) -> None:
    told = ask("Update", "wickie-x", ApiUrl=CLOSED)
    assert (told["Status"], told["PhysicalResourceId"]) == ("FAILED", "wickie-x")


@pytest.mark.parametrize(
    ("stack", "answered"),
    [("UPDATE_IN_PROGRESS", "FAILED"), ("UPDATE_ROLLBACK_IN_PROGRESS", "SUCCESS")],
)
def test_a_stack_that_rolls_back_is_not_held_back(
    ask: Ask, clients: Clients, stack: str, answered: str
) -> None:
    with Stubber(clients.service("cloudformation")) as stub:
        found = {"StackName": "s", "StackStatus": stack, "CreationTime": datetime.now(UTC)}
        stub.add_response("describe_stacks", {"Stacks": [found]}, {"StackName": "arn:stack"})
        assert ask("Update", "wickie-x", ApiUrl=CLOSED)["Status"] == answered


def test_what_was_never_made_is_not_taken_away(ask: Ask, prefect: Prefect) -> None:
    assert ask("Delete", NOTHING)["Status"] == "SUCCESS"
    assert prefect.seen == []


@pytest.mark.parametrize(
    "wrong",
    [{"ApiUrl": CLOSED}, {"ApiKeySecret": "prefect/gone"}, {"ApiUrl": "no URL"}],
    ids=["server down", "key gone", "nonsense"],
)
def test_taking_away_never_fails(ask: Ask, wrong: dict[str, str]) -> None:
    assert ask("Delete", "wickie-x", **wrong)["Status"] == "SUCCESS"


def test_a_refused_key_is_told_and_not_shown(ask: Ask, clients: Clients) -> None:
    wrong = secrets.token_urlsafe(24)
    clients.secrets_manager.put_secret_value(SecretId="prefect/key", SecretString=wrong)
    told = ask("Create")
    assert "refuses wickie (401)" in told["Reason"]
    assert wrong not in told["Reason"]


def test_of_an_unexpected_error_only_the_kind_is_told(ask: Ask) -> None:
    assert ask("Create", WorkPool=None)["Reason"] == "broke (TypeError)"


def test_no_call_is_begun_that_lambda_would_not_let_end(ask: Ask, prefect: Prefect) -> None:
    told = ask("Create", seconds=50)
    assert "answers too slowly to register everything; try again" in told["Reason"]
    assert not [seen for seen in prefect.seen if seen.method == "POST"]


def test_flows_are_told_where_their_key_is_and_never_the_key(ask: Ask, prefect: Prefect) -> None:
    ask("Create")
    (sent,) = (s for s in prefect.seen if s.path.endswith("/work_pools/") and s.method == "POST")
    properties = json.loads(sent.body)["base_job_template"]["variables"]["properties"]
    arn = properties["prefect_api_key_secret_arn"]["default"]
    assert arn.startswith("arn:aws:secretsmanager:eu-west-1:123456789012:secret:prefect/key-")
    assert not [s for s in prefect.seen if KEY.encode() in s.body]


@pytest.fixture
def pusher(ask: Ask, clients: Clients) -> Ask:
    clients.iam.create_user(UserName=USER)
    clients.secrets_manager.create_secret(Name=SECRET)
    return lambda kind, id_=None: ask(kind, id_, type=PUSHER_KEY, User=USER, Secret=SECRET)


def keys(clients: Clients) -> set[str]:
    found = clients.iam.list_access_keys(UserName=USER)["AccessKeyMetadata"]
    return {key["AccessKeyId"] for key in found}


def stored(clients: Clients) -> str:
    value = clients.secrets_manager.get_secret_value(SecretId=SECRET)["SecretString"]
    return str(json.loads(value)["AccessKeyId"])


def test_the_pushers_first_key_is_made_once_and_all_are_gone_with_the_stack(
    pusher: Ask, clients: Clients
) -> None:
    told = pusher("Create")
    assert (told["Status"], told["PhysicalResourceId"]) == ("SUCCESS", USER)
    first = stored(clients)
    assert keys(clients) == {first}
    assert pusher("Update", USER)["Status"] == "SUCCESS"
    assert stored(clients) == first
    clients.iam.create_access_key(UserName=USER)  # as a rotation does
    assert pusher("Delete", USER)["Status"] == "SUCCESS"
    clients.iam.delete_user(UserName=USER)


def test_a_key_that_was_made_and_not_stored_is_replaced(pusher: Ask, clients: Clients) -> None:
    for _ in range(2):
        clients.iam.create_access_key(UserName=USER)  # IAM allows no third
    assert pusher("Create")["Status"] == "SUCCESS"
    assert keys(clients) == {stored(clients)}


def test_what_iam_refuses_is_told(ask: Ask, clients: Clients) -> None:
    clients.secrets_manager.create_secret(Name=SECRET)
    told = ask("Create", type=PUSHER_KEY, User="nobody", Secret=SECRET)
    assert told["Status"] == "FAILED"
    assert "user nobody does not exist here" in told["Reason"]
