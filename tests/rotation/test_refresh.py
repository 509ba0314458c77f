"""After a rotation on schedule, whoever uses the secret is started anew, and no one else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import lambdas.refresh
from tests.rotation.paper import ARN, Secret, Shop
from wickie.errors import DependentError
from wickie.rotation import refresh
from wickie.rotation.refresh import refresh_dependents

DECLARED = {
    "shop/db": [
        {"kind": "ecs-service", "cluster": "main", "service": "shop"},
        {"kind": "ecs-service", "cluster": "main", "service": "till"},
    ],
    "other/db": [{"kind": "ecs-service", "cluster": "main", "service": "other"}],
}


@pytest.fixture
def secret() -> Secret:
    return Secret()


@pytest.fixture
def shops(secret: Secret, monkeypatch: pytest.MonkeyPatch) -> dict[str, Shop]:
    """Every declared service, by name, on paper."""
    services = (entry["service"] for entries in DECLARED.values() for entry in entries)
    shops = {name: Shop(secret, name) for name in services}
    monkeypatch.setattr(
        refresh, "open_dependent", lambda _secret, entry, _clients: shops[entry["service"]]
    )
    return shops


def test_the_dependents_of_the_rotated_secret_get_the_version_in_use(
    secret: Secret, shops: dict[str, Shop]
) -> None:
    refresh_dependents(ARN, DECLARED, secret)  # type: ignore[arg-type]
    assert [version for version, _ in shops["shop"].seen] == ["v1"]
    assert [version for version, _ in shops["till"].seen] == ["v1"]
    assert shops["other"].seen == []


def test_a_secret_without_dependents_needs_nothing(secret: Secret) -> None:
    assert refresh_dependents(ARN, {}, secret) == ()  # type: ignore[arg-type]


def test_one_that_does_not_come_back_is_named_and_the_others_are_refreshed(
    secret: Secret, shops: dict[str, Shop]
) -> None:
    shops["shop"].well = False
    with pytest.raises(DependentError, match="not well with the new value of shop/db: shop"):
        refresh_dependents(ARN, DECLARED, secret)  # type: ignore[arg-type]
    assert shops["till"].seen


def test_the_function_takes_the_secret_from_secrets_managers_event(
    secret: Secret, shops: dict[str, Shop], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    beside = tmp_path / "dependents.json"
    beside.write_text(json.dumps(DECLARED))
    monkeypatch.setattr(lambdas.refresh, "_DEPENDENTS", beside)
    monkeypatch.setattr(lambdas.refresh, "_clients", lambda: secret)
    event: dict[str, Any] = {
        "detail": {"eventName": "RotationSucceeded", "additionalEventData": {"SecretId": ARN}}
    }
    lambdas.refresh.lambda_handler(event, None)
    assert shops["shop"].seen
