"""`wickie status --dependents` draws who uses what, and `rotate --discovered` acts on it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from moto import mock_aws
from typer.testing import Result

from tests.rotation.dependents.account import Account
from wickie.errors import ConfigError
from wickie.model import RotationOutcome, RotationState
from wickie.rotation import discovery
from wickie.rotation.replacement import ReplacementRequest

Wickie = Callable[..., Result]

ADD = "discovered, not declared: add it to dependents in wickie.yaml"
CONFIG = """
stage: prod
secrets:
  - name: shop/db
    engine: postgres
    strategy: single-user
    dependents:
      - {kind: ecs-service, cluster: main, service: shop}
      - {kind: ssm-run-command, document: Reload, tags: {app: shop}}
  - {name: shop/reports, engine: postgres, strategy: single-user}
"""


@pytest.fixture
def account() -> Iterator[Account]:
    with mock_aws():
        account = Account()
        arn = account.secret("shop/db")
        account.secret("shop/reports")
        account.service("shop", secrets=[{"name": "DB", "valueFrom": arn}])
        account.function("invoices", SECRET=arn)
        yield account


@pytest.mark.usefixtures("account")
def test_a_tree_marks_who_is_declared_and_who_was_discovered(
    wickie: Wickie, configured: Callable[[str], Path]
) -> None:
    configured(CONFIG)
    done = wickie("status", "--dependents")
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines() == [
        "shop/db",
        "├── ECS service main/shop  declared, discovered",
        "├── SSM document Reload on app=shop  declared",
        f"└── Lambda function invoices  {ADD}",
        "shop/reports",
        "└── nobody declared, nobody found",
    ]


@pytest.mark.usefixtures("account")
def test_programs_read_the_same_as_json(wickie: Wickie, configured: Callable[[str], Path]) -> None:
    configured(CONFIG)
    document = json.loads(wickie("status", "--dependents", "--format", "json").stdout)
    first, second = document["secrets"]
    assert first["arn"].startswith("arn:aws:secretsmanager:")
    assert [(d["kind"], d["declared"], d["discovered"]) for d in first["dependents"]] == [
        ("ecs-service", True, True),
        ("ssm-run-command", True, False),
        ("lambda", False, True),
    ]
    assert second["dependents"] == []
    assert (document["gaps"], document["errors"]) == ([], [])


def test_what_cannot_be_looked_at_is_told_and_the_rest_is_drawn(
    wickie: Wickie,
    configured: Callable[[str], Path],
    account: Account,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def denied(_: object) -> None:
        raise ConfigError("not allowed on RDS proxies")

    monkeypatch.setitem(discovery._PLACES, "RDS proxies", denied)  # type: ignore[arg-type]
    account.clients.secrets_manager.delete_secret(
        SecretId="shop/reports", ForceDeleteWithoutRecovery=True
    )
    configured(CONFIG)
    done = wickie("status", "--dependents")
    assert done.exit_code == 1
    assert "wickie: warning: not looked at: RDS proxies: not allowed" in done.stderr
    assert "wickie: error: secret shop/reports does not exist here" in done.stderr
    assert "Lambda function invoices" in done.stdout


@pytest.mark.usefixtures("account")
def test_what_was_discovered_is_refreshed_where_the_operator_says_so(
    wickie: Wickie,
    configured: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[list[str]] = []

    def replace(request: ReplacementRequest, *_: object) -> RotationOutcome:
        asked.append([dependent.name for dependent in request.dependents])
        return RotationOutcome(request.secret, RotationState.ROTATED, request.reason)

    monkeypatch.setattr("wickie.cli.rotate.replace", replace)
    configured(
        CONFIG.replace(
            "strategy: single-user\n    dep", "strategy: single-user\n    discover: true\n    dep"
        )
    )
    done = wickie("rotate", "shop/db")
    assert "lambda invoices uses it and was not refreshed" in done.stdout
    done = wickie("rotate", "shop/db", "--discovered")
    assert "was not refreshed" not in done.stdout
    declared = ["ECS service main/shop", "SSM document Reload on app=shop"]
    assert asked == [declared, [*declared, "Lambda function invoices"]]
