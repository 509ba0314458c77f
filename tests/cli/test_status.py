from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws
from typer.testing import Result

from wickie.cli.status import span
from wickie.model import Stage
from wickie.status import describe

Wickie = Callable[..., Result]
NOW = datetime.now(UTC)


@pytest.fixture
def aws() -> Iterator[None]:
    with mock_aws():
        boto3.client("secretsmanager").create_secret(Name="shop/a", SecretString="{}")
        yield


@pytest.mark.usefixtures("aws")
def test_a_secret_that_cannot_be_asked_about_does_not_hide_the_others(
    wickie: Wickie, configured: Callable[[str], Path]
) -> None:
    configured(
        "stage: prod\nsecrets:\n"
        "  - {name: shop/gone, engine: postgres, strategy: single-user}\n"
        "  - {name: shop/a, engine: postgres, strategy: alternating-users}\n"
    )
    done = wickie("status")
    assert done.exit_code == 1
    assert "wickie: error: secret shop/gone does not exist here" in done.stderr
    for told in ("shop/gone", "unknown", "shop/a", "alternating-users", "not under rotation"):
        assert told in done.stdout

    document = json.loads(wickie("status", "--format", "json").stdout)
    assert [secret["name"] for secret in document["secrets"]] == ["shop/a"]
    assert [error["name"] for error in document["errors"]] == ["shop/gone"]


@pytest.mark.usefixtures("aws")
def test_a_config_without_secrets_has_nothing_to_show(
    wickie: Wickie, configured: Callable[[str], Path]
) -> None:
    configured("stage: prod\n")
    done = wickie("status")
    assert done.exit_code == 0
    assert "no secrets in wickie.yaml" in done.stderr


class Described:
    """A Secrets Manager whose one secret is described as given."""

    class exceptions:  # noqa: N801  (boto3's name)
        class ResourceNotFoundException(Exception):  # noqa: N818  (AWS's name)
            pass

    def __init__(self, **reply: Any) -> None:
        self.reply = {"Name": "a", "CreatedDate": NOW - timedelta(days=90), **reply}

    def describe_secret(self, **_: str) -> dict[str, Any]:
        return self.reply


@pytest.mark.parametrize(
    ("reply", "result"),
    [
        ({"RotationEnabled": True, "LastRotatedDate": NOW}, "rotated"),
        ({"RotationEnabled": True}, "never rotated"),
        ({}, "not under rotation"),
        ({"RotationEnabled": True, "DeletedDate": NOW}, "to be deleted"),
        (
            {"RotationEnabled": True, "VersionIdsToStages": {"1": ["AWSPENDING"]}},
            "pending",
        ),
        (
            {
                "RotationEnabled": True,
                "LastRotatedDate": NOW,
                "VersionIdsToStages": {"1": ["AWSCURRENT", "AWSPENDING"]},
            },
            "rotated",
        ),
        (
            {
                "RotationEnabled": True,
                "LastRotatedDate": NOW,
                "NextRotationDate": NOW - timedelta(days=1),
            },
            "overdue",
        ),
    ],
)
def test_the_last_result_is_read_off_labels_and_dates(reply: dict[str, Any], result: str) -> None:
    status = describe(Described(**reply), "a", "single-user")  # type: ignore[arg-type]
    assert status.result == result


def test_age_counts_from_the_last_rotation_else_from_creation() -> None:
    created = describe(Described(), "a", "single-user")  # type: ignore[arg-type]
    rotated = describe(Described(LastRotatedDate=NOW), "a", "single-user")  # type: ignore[arg-type]
    assert span(NOW - created.changed) == "90 d"
    assert span(NOW - rotated.changed) == "0 s"


def test_versions_are_shown_with_their_stage() -> None:
    labels = {"1": ["AWSPREVIOUS"], "2": ["AWSCURRENT"]}
    status = describe(Described(VersionIdsToStages=labels), "a", "x")  # type: ignore[arg-type]
    assert status.versions == {"1": Stage.PREVIOUS, "2": Stage.CURRENT}
