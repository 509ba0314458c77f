"""When findings were seen first and last, remembered in DynamoDB."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_dynamodb import DynamoDBClient

    from wickie.model import Finding

PERMISSIONS: Final = ("dynamodb:UpdateItem",)

_KEPT: Final = timedelta(days=400)
"""A finding not seen for so long counts as new."""
_AT_ONCE: Final = 8


def record(
    dynamodb: DynamoDBClient, table: str, findings: Sequence[Finding], now: datetime
) -> tuple[Finding, ...]:
    """
    Note that `findings` were seen at `now`; return them with their first and last sighting.

    To record the same again changes nothing.
    """
    ids = list(dict.fromkeys(finding.id for finding in findings))
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        noted = pool.map(lambda id_: _note(dynamodb, table, id_, now), ids)
        sightings = dict(zip(ids, noted, strict=True))
    return tuple(
        replace(finding, first_seen=sightings[finding.id][0], last_seen=sightings[finding.id][1])
        for finding in findings
    )


def _note(
    dynamodb: DynamoDBClient, table: str, id_: str, now: datetime
) -> tuple[datetime, datetime]:
    # BatchWriteItem has no if_not_exists: it would forget the first sighting.
    reply = dynamodb.update_item(
        TableName=table,
        Key={"id": {"S": f"finding#{id_}"}},
        UpdateExpression=(
            "SET #first = if_not_exists(#first, :now), #last = :now, #expires = :expires"
        ),
        ExpressionAttributeNames={
            "#first": "first_seen",
            "#last": "last_seen",
            "#expires": "expires",
        },
        ExpressionAttributeValues={
            ":now": {"S": now.isoformat()},
            ":expires": {"N": str(int((now + _KEPT).timestamp()))},
        },
        ReturnValues="ALL_NEW",
    )
    item = reply["Attributes"]
    first = datetime.fromisoformat(item["first_seen"]["S"])
    return first, datetime.fromisoformat(item["last_seen"]["S"])
