"""What `wickie init` writes is not only valid: it synthesises."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from wickie.config import parse_config
from wickie.config.proposal import taken, write
from wickie.rotation.inventory import FoundSecret, Inventory, System

if TYPE_CHECKING:
    from tests.stacks.conftest import Synthesise

pytestmark = pytest.mark.slow


def _secret(name: str, *engines: str, system: System | None = None, **more: object) -> FoundSecret:
    arn = f"arn:aws:secretsmanager:eu-west-1:111122223333:secret:{name}-abcdef"
    usual = {"owner": None, "primary_region": None, "key": None, "function": None, "rules": {}}
    return FoundSecret(name=name, arn=arn, engines=engines, system=system, **(usual | more))  # type: ignore[arg-type]


def test_the_stacks_of_a_written_file_synthesise(synthesise: Synthesise) -> None:
    database = System("postgres", "RDS instance orders", ("orders",), private=True)
    found = Inventory(
        (
            _secret("shop/app", "postgres", system=database, key="arn:aws:kms:eu-west-1:1:key/x"),
            _secret("shop/mystery"),
            _secret(
                "shop/reports",
                "mysql",
                dependents=({"kind": "lambda", "function": "invoices"},),
                rules={"AutomaticallyAfterDays": 1},
            ),
        ),
        (),
    )
    secrets = taken(found, ["*"])
    text = write("init", "account 111122223333, eu-west-1", found, secrets, ["a@example.com"])
    config = parse_config(text, Path("wickie.yaml"))
    assert config.secrets[1].schedule == "rate(1 day)"
    schedules = synthesise(config).resources("AWS::SecretsManager::RotationSchedule")
    assert {s["Properties"]["SecretId"] for s in schedules.values()} == {"shop/app", "shop/reports"}
