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
        self.made: dict[str, datetime] = reply.pop("made", {})
        self.reply = {"ARN": "arn:a", "Name": "a", "CreatedDate": NOW - timedelta(days=90), **reply}

    def describe_secret(self, **_: str) -> dict[str, Any]:
        return self.reply

    def list_secret_version_ids(self, **_: str) -> dict[str, Any]:
        labels = self.reply["VersionIdsToStages"]
        return {
            "Versions": [
                {"VersionId": version, "VersionStages": labels[version], "CreatedDate": moment}
                for version, moment in self.made.items()
            ]
        }


@pytest.mark.parametrize(
    ("reply", "result"),
    [
        ({"RotationEnabled": True, "LastRotatedDate": NOW}, "rotated"),
        ({"RotationEnabled": True}, "never rotated"),
        ({}, "not under rotation"),
        ({"RotationEnabled": True, "DeletedDate": NOW}, "to be deleted"),
        (
            {
                "RotationEnabled": True,
                "VersionIdsToStages": {"1": ["AWSPENDING"]},
                "made": {"1": NOW + timedelta(hours=2)},  # however long tests before it take
            },
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


HOUR_AGO = NOW - timedelta(hours=1)


@pytest.mark.parametrize(
    "reply",
    [
        {"RotationEnabled": True, "made": {"1": HOUR_AGO}},
        {"RotationEnabled": True, "LastChangedDate": HOUR_AGO},
        {"RotationEnabled": False, "made": {"1": HOUR_AGO}},
    ],
    ids=["with a value", "without one", "cancelled half-way"],
)
def test_a_rotation_that_waits_for_long_is_stuck_and_told_since_when(reply: dict[str, Any]) -> None:
    labels = {"1": ["AWSPENDING"], "0": ["AWSCURRENT"]}
    status = describe(Described(VersionIdsToStages=labels, **reply), "a", "x")  # type: ignore[arg-type]
    assert (status.result, status.since) == ("stuck", HOUR_AGO)


def test_an_overdue_rotation_is_told_since_when() -> None:
    status = describe(Described(RotationEnabled=True, NextRotationDate=HOUR_AGO), "a", "x")  # type: ignore[arg-type]
    assert (status.result, status.since) == ("overdue", HOUR_AGO)


@mock_aws
def test_the_table_says_what_is_stuck_and_names_the_remedy(
    wickie: Wickie, configured: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    configured("stage: prod\nsecrets: [{name: a, engine: postgres, strategy: single-user}]\n")
    labels = {"1": ["AWSPENDING"], "0": ["AWSCURRENT"]}
    described = Described(VersionIdsToStages=labels, made={"1": HOUR_AGO})
    monkeypatch.setattr("wickie.aws.Clients.secrets_manager", described)
    done = wickie("status")
    assert f"stuck since {HOUR_AGO:%Y-%m-%d %H:%M}" in done.stdout
    assert "wickie repair" in done.stderr


def test_age_counts_from_the_last_rotation_else_from_creation() -> None:
    created = describe(Described(), "a", "single-user")  # type: ignore[arg-type]
    rotated = describe(Described(LastRotatedDate=NOW), "a", "single-user")  # type: ignore[arg-type]
    assert span(NOW - created.changed) == "90 d"
    assert span(NOW - rotated.changed) == "0 s"


def test_versions_are_shown_with_their_stage() -> None:
    labels = {"1": ["AWSPREVIOUS"], "2": ["AWSCURRENT"]}
    status = describe(Described(VersionIdsToStages=labels), "a", "x")  # type: ignore[arg-type]
    assert status.versions == {"1": Stage.PREVIOUS, "2": Stage.CURRENT}
