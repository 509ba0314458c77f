"""The rotation function copies a value into the block that was declared, and proves it is there."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from tests.rotation.conftest import SecretsManager
from tests.rotation.dependents.servers import Request, serve
from wickie.asking import Patience
from wickie.errors import (
    AuthenticationError,
    ConfigError,
    DependentError,
    NotFoundError,
    ProviderError,
    ProviderUnavailableError,
)
from wickie.prefect import PrefectServer

pytestmark = pytest.mark.usefixtures("database")

KEY = secrets.token_urlsafe(24)
BLOCK = "/api/block_types/slug/secret/block_documents/name/db"


@dataclass
class Prefect:
    """A server's API with one block; see tests/local/test_prefect_block.py for the real one."""

    url: str
    data: dict[str, Any] = field(default_factory=lambda: {"value": "old", "note": "mine"})
    shows_secrets: bool = True
    deaf: bool = False
    refuses: list[int] = field(default_factory=list)
    patches: list[Any] = field(default_factory=list)

    def answer(self, request: Request) -> tuple[int, dict[str, str], bytes]:
        if self.refuses:
            return self.refuses.pop(0), {}, request.body
        if request.headers.get("Authorization") != f"Bearer {KEY}":
            return 401, {}, b"{}"
        if request.method == "PATCH":
            assert request.path == "/api/block_documents/1"
            self.patches.append(json.loads(request.body))
            if not self.deaf:
                self.data |= self.patches[-1]["data"]
            return 204, {}, b""
        if request.path != f"{BLOCK}?include_secrets=true":
            return 404, {}, b"{}"
        shown = self.data if self.shows_secrets else self.data | {"value": "********"}
        schema = {"fields": {"properties": {"value": {}, "note": {}}}}
        found = {"id": "1", "data": shown, "block_schema": schema}
        return 200, {}, json.dumps(found).encode()


@pytest.fixture
def prefect() -> Iterator[Prefect]:
    with serve(lambda place: Prefect(f"http://{place}/api")) as prefect:
        yield prefect


@pytest.fixture
def function(aws: SecretsManager, prefect: Prefect) -> SecretsManager:
    """The rotation function of a secret whose password goes into the block secret/db."""
    key = aws.client.create_secret(Name=secrets.token_hex(4), SecretString=f"{KEY}\n")["ARN"]
    block = {
        "kind": "prefect-block",
        "api_url": prefect.url,
        "block": "secret/db",
        "fields": {"value": "password"},
        "api_key": key,
    }
    return replace(aws, settings=replace(aws.settings, blocks=[block]))


def changed(function: SecretsManager, **block: Any) -> SecretsManager:
    blocks = [{**function.settings.blocks[0], **block}]
    return replace(function, settings=replace(function.settings, blocks=blocks))


def deliver(function: SecretsManager, arn: str, action: str = "deliver", **event: str) -> str:
    block = function.settings.blocks[0]
    asked = {"Server": block["api_url"], "Block": block["block"], **event}
    answer: dict[str, str] = function.send({"Action": action, "SecretId": arn, **asked})
    assert answer.keys() == {"detail"}, "nothing but words leaves the function"
    return answer["detail"]


def test_the_value_in_use_is_delivered_once_and_other_fields_are_left(
    function: SecretsManager, arn: str, prefect: Prefect
) -> None:
    assert deliver(function, arn) == "it holds the value in use"
    assert prefect.data == {"value": "first-password", "note": "mine"}
    assert deliver(function, arn) == "it holds the value in use already"
    assert len(prefect.patches) == 1

    function.rotate(arn)
    deliver(function, arn)
    assert prefect.data["value"] == function.value(arn).password.reveal() != "first-password"


def test_to_look_for_a_block_changes_nothing(
    function: SecretsManager, arn: str, prefect: Prefect
) -> None:
    assert deliver(function, arn, "locate") == "it exists"
    assert not prefect.patches


def test_no_other_address_can_be_asked_for(
    function: SecretsManager, arn: str, prefect: Prefect
) -> None:
    for event in ({"Server": "https://evil.example.com/api"}, {"Block": "secret/mine"}):
        with pytest.raises(ConfigError, match="is not declared for this secret"):
            deliver(function, arn, **event)
    assert not prefect.patches


def test_where_the_server_hides_its_secrets_that_is_said(
    function: SecretsManager, arn: str, prefect: Prefect
) -> None:
    prefect.shows_secrets = False
    assert deliver(function, arn) == "written; Prefect does not show this key value"
    assert prefect.data["value"] == "first-password"


def test_a_value_that_is_not_there_afterwards_is_no_delivery(
    function: SecretsManager, arn: str, prefect: Prefect
) -> None:
    prefect.deaf = True
    with pytest.raises(DependentError, match=r"does not hold the value in use .* \(value\)"):
        deliver(function, arn)


@pytest.mark.parametrize("action", ["locate", "deliver"])
def test_what_is_amiss_with_the_block_is_told_by_name(
    function: SecretsManager, arn: str, action: str, prefect: Prefect
) -> None:
    with pytest.raises(NotFoundError, match="block secret/gone does not exist"):
        deliver(changed(function, block="secret/gone"), arn, action)
    with pytest.raises(ConfigError, match=r"has no field passwort; .* to some of note, value"):
        deliver(changed(function, fields={"passwort": "password"}), arn, action)
    assert not prefect.patches


def test_a_key_that_the_secret_lacks_is_told_by_name(function: SecretsManager, arn: str) -> None:
    with pytest.raises(ConfigError, match="the secret's JSON has no token"):
        deliver(changed(function, fields={"value": "token"}), arn)


def test_a_key_that_the_server_refuses_is_told_and_not_shown(
    function: SecretsManager, arn: str, aws: SecretsManager
) -> None:
    wrong = secrets.token_urlsafe(24)
    key = aws.client.create_secret(Name=secrets.token_hex(4), SecretString=wrong)["ARN"]
    with pytest.raises(AuthenticationError, match=r"refuses wickie \(401\)") as caught:
        deliver(changed(function, api_key=key), arn)
    assert wrong not in str(caught.value)


def test_a_busy_server_is_asked_again(function: SecretsManager, arn: str, prefect: Prefect) -> None:
    prefect.refuses = [503, 429]
    assert deliver(function, arn) == "it holds the value in use"


def test_a_server_that_does_not_answer_is_not_waited_for_for_ever(
    function: SecretsManager, arn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wickie.prefect._PATIENCE", Patience(0))
    with pytest.raises(ProviderUnavailableError, match="does not answer"):
        deliver(changed(function, api_url="http://localhost:9/api"), arn)


def test_what_a_server_answers_is_never_quoted(
    function: SecretsManager, arn: str, prefect: Prefect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prefect, "refuses", [400])
    with pytest.raises(ProviderError, match=r"answered 400 to /block_types/.*; read its log"):
        deliver(function, arn)

    def breaks(*_: object) -> None:
        raise RuntimeError("quoting first-password")

    monkeypatch.setattr(PrefectServer, "patch", breaks)
    with pytest.raises(ProviderError) as caught:
        deliver(function, arn)
    assert "first-password" not in str(caught.value)
