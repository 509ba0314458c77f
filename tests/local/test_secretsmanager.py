"""Versions and labels of secrets, as AWS documents them and plain moto does not keep them."""

from __future__ import annotations

import secrets
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.local.rotating import Secret, refusal

if TYPE_CHECKING:
    pass

pytestmark = pytest.mark.slow


def test_a_pending_value_cannot_be_overwritten_under_its_token(secret: Secret) -> None:
    token, value = str(uuid.uuid4()), secrets.token_urlsafe()
    pending: dict[str, Any] = {"ClientRequestToken": token, "VersionStages": ["AWSPENDING"]}
    for _ in range(2):
        secret.manager.put_secret_value(SecretId=secret.arn, SecretString=value, **pending)
    other = {"SecretId": secret.arn, "SecretString": secrets.token_urlsafe()}
    code, _ = refusal(secret.manager.put_secret_value, **other, **pending)
    assert code == "ResourceExistsException"
    assert secret.value(VersionStage="AWSPENDING") == value


def test_every_label_moves_by_compare_and_swap(secret: Secret) -> None:
    put = secret.manager.put_secret_value
    second, third = (
        put(SecretId=secret.arn, SecretString=secrets.token_urlsafe(), VersionStages=[label])[
            "VersionId"
        ]
        for label in ("AWSPENDING", "OTHER")
    )
    move = secret.manager.update_secret_version_stage
    for label, holder in (("AWSPENDING", second), ("AWSCURRENT", secret.first_version)):
        target = {"SecretId": secret.arn, "VersionStage": label, "MoveToVersionId": third}
        code, message = refusal(move, **target)
        assert (code, holder in message) == ("InvalidParameterException", True)
        assert refusal(move, RemoveFromVersionId=third, **target)[0] == "InvalidParameterException"
    current = {"VersionStage": "AWSCURRENT", "RemoveFromVersionId": secret.first_version}
    code, message = refusal(move, SecretId=secret.arn, **current)
    assert (code, "completely removed" in message) == ("InvalidParameterException", True)
    move(SecretId=secret.arn, MoveToVersionId=second, **current)
    assert secret.stages() == {
        secret.first_version: ["AWSPREVIOUS"],
        second: ["AWSPENDING", "AWSCURRENT"],
        third: ["OTHER"],
    }


def test_moving_the_label_back_brings_the_old_value_back(secret: Secret) -> None:
    token = secret.configure()
    secret.hears("RotationStarted", "RotationSucceeded")
    secret.manager.update_secret_version_stage(
        SecretId=secret.arn,
        VersionStage="AWSCURRENT",
        MoveToVersionId=secret.first_version,
        RemoveFromVersionId=token,
    )
    assert secret.value() == secret.first_value
    assert secret.stages() == {secret.first_version: ["AWSCURRENT"], token: ["AWSPREVIOUS"]}


def test_a_version_without_a_label_is_no_longer_told_of(secret: Secret) -> None:
    for _ in range(2):
        secret.manager.put_secret_value(SecretId=secret.arn, SecretString=secrets.token_urlsafe())
    assert secret.first_version not in secret.stages()
    listed = secret.manager.list_secret_version_ids(SecretId=secret.arn)["Versions"]
    assert secret.first_version not in [version["VersionId"] for version in listed]


def test_what_is_not_found_is_a_bad_request(secret: Secret) -> None:
    assert refusal(secret.manager.describe_secret, SecretId="absent")[0] == (
        "ResourceNotFoundException"
    )
    assert refusal(secret.value, VersionStage="AWSPENDING")[0] == "ResourceNotFoundException"


def test_a_value_has_64_kilobytes_at_most(secret: Secret) -> None:
    put = secret.manager.put_secret_value
    put(SecretId=secret.arn, SecretString="x" * 65536)
    with pytest.raises(ClientError, match="65536"):
        put(SecretId=secret.arn, SecretString="x" * 65537)
