from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from tests.rotation.paper import Secret
from wickie.errors import ProviderUnavailableError

Wickie = Callable[..., Result]

YAML = """
stage: prod
secrets:
  - {name: shop/db, engine: postgres, strategy: alternating-users}
"""


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch, configured: Callable[[str], Path]) -> Secret:
    """The one secret of wickie.yaml, in place of AWS."""
    secret = Secret()
    monkeypatch.setattr("wickie.cli.repair.Clients", lambda: secret)
    configured(YAML)
    return secret


def wishes(secret: Secret) -> dict[str, str]:
    """What its rotation function was asked last."""
    return {name: value for name, value in secret.events[-1].items() if name != "SecretId"}


@pytest.mark.parametrize(
    ("state", "code", "told"),
    [
        ("SOUND", 0, "SOUND"),
        ("UNDER_WAY", 0, "UNDER_WAY"),
        ("FINISHED", 1, "would be FINISHED"),
        ("CANCELLED", 1, "would be CANCELLED"),
        ("STUCK", 1, "STUCK"),
        ("UNKNOWN", 1, "UNKNOWN"),
    ],
)
def test_without_yes_it_says_what_would_be_done_and_does_nothing(
    wickie: Wickie, secret: Secret, state: str, code: int, told: str
) -> None:
    secret.states["repair"] = state
    done = wickie("repair")
    assert done.exit_code == code
    assert told in done.stdout
    assert ("run this again with --yes" in done.stderr) is told.startswith("would be")
    assert wishes(secret) == {
        "Action": "repair",
        "DryRun": "true",
        "Restore": "false",
        "OlderThanSeconds": "900",
    }


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ("SOUND", 0),
        ("FINISHED", 0),
        ("CANCELLED", 0),
        ("RESTORED", 0),
        ("STUCK", 1),
        ("UNKNOWN", 1),
    ],
)
def test_with_yes_it_is_done_and_only_what_is_left_for_a_person_is_an_error(
    wickie: Wickie, secret: Secret, state: str, code: int
) -> None:
    secret.states["repair"] = state
    done = wickie("repair", "--yes", "--restore", "--older-than", "0")
    assert done.exit_code == code
    assert state in done.stdout
    assert "would be" not in done.stdout
    asked = {"DryRun": "false", "Restore": "true", "OlderThanSeconds": "0"}
    assert asked.items() <= wishes(secret).items()


def test_one_that_fails_does_not_stop_the_next(wickie: Wickie, secret: Secret) -> None:
    done = wickie("repair", "shop/nowhere", "shop/db")
    assert done.exit_code == 1
    assert "shop/nowhere does not exist here" in done.stderr
    assert [action for action, _ in secret.asked] == ["repair"]


def test_a_secret_that_is_being_changed_is_told_for_whom(wickie: Wickie, secret: Secret) -> None:
    secret.answers[("repair", "")] = ProviderUnavailableError("app at db is being changed for x")
    done = wickie("repair", "--yes")
    assert (done.exit_code, "wickie: error: app at db is being changed for x" in done.stderr) == (
        1,
        True,
    )


def test_cancelled_ones_are_rotated_on_request_and_no_others(
    wickie: Wickie, secret: Secret, monkeypatch: pytest.MonkeyPatch
) -> None:
    rotated: list[tuple[str, ...]] = []

    def run(secrets: tuple[str, ...], *_: Any) -> int:
        rotated.append(secrets)
        return 0

    monkeypatch.setattr("wickie.cli.rotate.run", run)
    secret.states["repair"] = "FINISHED"
    assert wickie("repair", "--yes", "--rotate").exit_code == 0
    assert rotated == []
    secret.states["repair"] = "CANCELLED"
    assert wickie("repair", "--yes", "--rotate").exit_code == 0
    assert rotated == [("shop/db",)]


def test_a_user_is_taken_over_before_the_repair(wickie: Wickie, secret: Secret) -> None:
    assert wickie("repair", "--yes", "--take-over", "shop/db").exit_code == 0
    assert [action for action, _ in secret.asked] == ["take-over", "repair"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--rotate"],
        ["--take-over", "shop/db"],
        ["--yes", "--take-over"],
        ["--yes", "--rotate", "--format", "json"],
        ["--older-than", "-1"],
    ],
)
def test_what_makes_no_sense_together_is_a_usage_error(
    wickie: Wickie, secret: Secret, arguments: list[str]
) -> None:
    assert wickie("repair", *arguments).exit_code == 2
    assert secret.asked == []


def test_json_tells_state_and_reason(wickie: Wickie, secret: Secret) -> None:
    secret.states["repair"] = "CANCELLED"
    document = json.loads(wickie("repair", "--format", "json").stdout)
    (told,) = document["secrets"]
    assert (told["name"], told["dry"], told["state"]) == ("shop/db", True, "CANCELLED")
    assert told["detail"] == "as scripted"
