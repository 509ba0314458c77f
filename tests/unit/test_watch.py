"""Which secrets need a person, as the hourly function counts them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from bench.faults.standins.sts import Sts
from wickie.watch import standing

YESTERDAY = datetime.now(UTC) - timedelta(days=1)
TOMORROW = datetime.now(UTC) + timedelta(days=1)
WELL = {"RotationEnabled": True, "LastRotatedDate": YESTERDAY, "NextRotationDate": TOMORROW}


class SecretsOnPaper:
    class exceptions:  # noqa: N801  (boto3's name)
        ResourceNotFoundException = type("ResourceNotFoundException", (ClientError,), {})

    def __init__(self, **secrets):
        self.secrets = secrets

    def describe_secret(self, SecretId):  # noqa: N803  (boto3's name)
        answer = self.secrets.get(SecretId)
        if answer is None:
            error = {"Error": {"Code": "ResourceNotFoundException", "Message": "no"}}
            raise self.exceptions.ResourceNotFoundException(error, "DescribeSecret")
        if isinstance(answer, Exception):
            raise answer
        return {"Name": SecretId, "ARN": SecretId, "CreatedDate": YESTERDAY, **answer}

    def list_secret_version_ids(self, SecretId):  # noqa: N803  (boto3's name)
        del SecretId
        return {"Versions": []}


@pytest.mark.parametrize(
    ("state", "counted"),
    [
        (WELL, {}),
        (WELL | {"NextRotationDate": YESTERDAY}, {"overdue": ["s"]}),
        (WELL | {"VersionIdsToStages": {"v": ["AWSPENDING"]}}, {"stuck": ["s"]}),
        (None, {"unreadable": ["s"]}),
        (
            ClientError({"Error": {"Code": "AccessDeniedException"}}, "DescribeSecret"),
            {"unreadable": ["s"]},
        ),
    ],
)
def test_a_secret_is_counted_where_it_stands(state, counted):
    manager = SecretsOnPaper(well=WELL, s=state)
    metrics, named = standing(manager, ["well", "s"], None, {})
    assert {name: found for name, found in named.items() if found} == counted
    assert sum(metric.value for metric in metrics) == len(counted)
    assert len(metrics) == 4  # a zero is told too: an alarm ends by it


@mock_aws
def test_a_honeytoken_is_counted_once_somebody_has_used_it_and_if_nobody_can_tell():
    iam = boto3.client("iam", "us-east-1")
    keys = {}
    for user in ("asleep", "used", "keyless"):
        iam.create_user(UserName=user, Path="/honey/")
        if user != "keyless":
            keys[user] = iam.create_access_key(UserName=user)["AccessKey"]["AccessKeyId"]
    Sts().use(keys["used"], "s3")
    users = {f"of-{user}": f"honey/{user}" for user in ("asleep", "used", "keyless", "gone")}
    metrics, named = standing(SecretsOnPaper(), [], iam, users)
    assert named["used"] == ["of-used"]
    assert named["unreadable"] == ["of-keyless", "of-gone"]
    assert {m.name: m.value for m in metrics}["HoneytokensUsed"] == 1
