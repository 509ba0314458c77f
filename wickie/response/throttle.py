"""
How often the loop may act alone: not twice on one secret at once, and not without end.

Whoever can plant a value they know could otherwise spin the wheel. What was admitted lately is
one item of the findings table, replaced by compare-and-swap, so that the answer holds for every
flow run of the account at the same moment.
"""

from __future__ import annotations

import enum
import json
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PERMISSIONS: Final = ("dynamodb:GetItem", "dynamodb:PutItem")

_KEY: Final = {"id": {"S": "response#admitted"}}
_HOUR: Final = timedelta(hours=1)


class Admission(enum.StrEnum):
    """Whether the loop may rotate a leaked secret now."""

    ADMITTED = "ADMITTED"
    DEBOUNCED = "DEBOUNCED"
    CAPPED = "CAPPED"


@dataclass(frozen=True)
class _Admitted:
    secret: str
    at: datetime
    claim: str


@dataclass(frozen=True)
class Throttle:
    """Admits one rotation per secret and `debounce`, and `per_hour` in any hour altogether."""

    dynamodb: DynamoDBClient
    table: str
    debounce: timedelta
    per_hour: int

    def admit(self, secret_arn: str, now: datetime, claim: str = "") -> Admission:
        """
        Decide, and remember if admitted.

        Who comes again with the `claim` that was admitted is admitted: a response that was cut
        short would else be held back by itself. It ends: to be overtaken means that another was
        admitted, and those are capped.
        """
        ours = _Admitted(secret_arn, now, claim or uuid.uuid4().hex)
        while True:
            stored, admitted = self._read()
            # Or written just now, though boto3 lost the reply and tried again.
            if any((a.secret, a.claim) == (ours.secret, ours.claim) for a in admitted):
                return Admission.ADMITTED
            if (answer := self._decide(admitted, secret_arn, now)) is not Admission.ADMITTED:
                return answer
            kept = [a for a in admitted if now - a.at < self._memory]
            if self._replace(stored, [*kept, ours]):
                return answer

    @property
    def _memory(self) -> timedelta:
        return max(self.debounce, _HOUR)

    def _decide(self, admitted: list[_Admitted], secret: str, now: datetime) -> Admission:
        if any(a.secret == secret and now - a.at < self.debounce for a in admitted):
            return Admission.DEBOUNCED
        if sum(now - a.at < _HOUR for a in admitted) >= self.per_hour:
            return Admission.CAPPED
        return Admission.ADMITTED

    def _read(self) -> tuple[str | None, list[_Admitted]]:
        reply = self.dynamodb.get_item(TableName=self.table, Key=_KEY, ConsistentRead=True)
        if "Item" not in reply:
            return None, []
        stored = reply["Item"]["admitted"]["S"]
        return stored, [
            _Admitted(secret, datetime.fromisoformat(at), claim)
            for secret, at, claim in json.loads(stored)
        ]

    def _replace(self, stored: str | None, admitted: list[_Admitted]) -> bool:
        text = json.dumps([(a.secret, a.at.isoformat(), a.claim) for a in admitted])
        expires = max(a.at for a in admitted) + self._memory
        item = {**_KEY, "admitted": {"S": text}, "expires": {"N": str(int(expires.timestamp()))}}
        try:
            if stored is None:
                self.dynamodb.put_item(
                    TableName=self.table, Item=item, ConditionExpression="attribute_not_exists(id)"
                )
            else:
                self.dynamodb.put_item(
                    TableName=self.table,
                    Item=item,
                    ConditionExpression="admitted = :stored",
                    ExpressionAttributeValues={":stored": {"S": stored}},
                )
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                return False
            raise
        return True
