"""When findings were seen first and last, remembered in DynamoDB."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

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
    seen = sightings(dynamodb, table, (finding.id for finding in findings), now)
    return tuple(
        replace(finding, first_seen=seen[finding.id][0], last_seen=seen[finding.id][1])
        for finding in findings
    )


def sightings(
    dynamodb: DynamoDBClient, table: str, ids: Iterable[str], now: datetime
) -> dict[str, tuple[datetime, datetime]]:
    """Note that findings of any kind were seen at `now`; return the first and last time of each."""
    known = list(dict.fromkeys(ids))
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        noted = pool.map(lambda id_: _note(dynamodb, table, id_, now), known)
        return dict(zip(known, noted, strict=True))


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
