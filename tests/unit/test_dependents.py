"""wickie.yaml declares every kind of dependent, and refuses those that would not be safe."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from tests.rotation.paper import Secret
from wickie import config
from wickie.config import Config, ManagedSecret
from wickie.rotation.dependents import Declared
from wickie.rotation.dependents.registry import KINDS, open_dependent

PAGE = Path(__file__).parents[2] / "docs" / "dependents.md"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
MODELS = {
    model.model_fields["kind"].annotation.__args__[0]: model
    for model in config.Dependent.__args__[0].__args__
}


def secret(*dependents: dict[str, Any], strategy: str = "single-user") -> ManagedSecret:
    return ManagedSecret.model_validate(
        {"name": "a", "engine": "postgres", "strategy": strategy, "dependents": dependents}
    )


def test_every_kind_can_be_declared_with_exactly_the_options_it_has() -> None:
    assert MODELS.keys() == KINDS.keys()
    for name, model in MODELS.items():
        assert {*KINDS[name].OPTIONS} == model.model_fields.keys() - {"kind"}


def test_the_page_about_dependents_shows_every_kind_and_every_option() -> None:
    text = PAGE.read_text()
    (example,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    declared = Config.model_validate(yaml.safe_load(example)).secrets[0].declared()
    assert [entry["kind"] for entry in declared] == list(KINDS)
    for kind in KINDS.values():
        assert not [option for option in kind.OPTIONS if f"{option}" not in text]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_declared_can_be_opened_from_plain_data(kind: str) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    declared = Config.model_validate(yaml.safe_load(example)).secrets[0].declared()
    entry = next(entry for entry in declared if entry["kind"] == kind)
    clients: Any = Secret()
    clients.ecs = None
    opened = open_dependent("shop/db", entry, clients)
    assert isinstance(opened, KINDS[kind])
    assert opened.name
    assert KINDS[kind].declared(Declared("shop/db", entry, clients)) == opened


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        (
            {"kind": "ssm-run-command", "document": "AWS-RunShellScript", "tags": {"a": "b"}},
            "admin",
        ),
        ({"kind": "ssm-run-command", "document": "Mine"}, "give instances or tags"),
        (
            {
                "kind": "ssm-run-command",
                "document": "Mine",
                "tags": {"a": "b"},
                "parameters": {"SecretId": "x"},
            },
            "SecretId: wickie sets this parameter itself",
        ),
        ({"kind": "webhook", "url": "http://a.example/", "key": KEY}, "write an https:// URL"),
        ({"kind": "webhook", "url": "https://u:p@a.example/", "key": KEY}, "no user or password"),
        ({"kind": "webhook", "url": "https://a.example/", "key": "alias/mine"}, "pattern"),
        (
            {
                "kind": "prefect-block",
                "api_url": "https://p.example/api",
                "block": "secret/a",
                "fields": {"value": "password"},
                "api_key": "a",
                "auth_string": "b",
            },
            "give api_key or auth_string, not both",
        ),
        ({"kind": "rds-proxy", "proxy": "p", "other_user": "b"}, "leave it out"),
    ],
)
def test_what_would_not_be_safe_or_cannot_work_is_refused(entry: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        secret(entry)


def test_two_users_behind_a_proxy_need_both_their_secrets_named() -> None:
    entry = {"kind": "rds-proxy", "proxy": "p"}
    with pytest.raises(ValidationError, match="name the other user's secret in other_user"):
        secret(entry, strategy="alternating-users")
    secret({**entry, "other_user": "a-clone"}, strategy="alternating-users")
