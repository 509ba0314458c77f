"""Which secrets need a person, as the hourly function counts them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError

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
    metrics, named = standing(SecretsOnPaper(well=WELL, s=state), ["well", "s"])
    assert {name: found for name, found in named.items() if found} == counted
    assert sum(metric.value for metric in metrics) == len(counted)
    assert len(metrics) == 3  # a zero is told too: an alarm ends by it
