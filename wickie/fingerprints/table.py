"""Where prints are kept, so that a scanner has them as soon as a value is in use."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from wickie.errors import RotationError
from wickie.fingerprints.encodings import publishable
from wickie.fingerprints.prints import Fingerprint, entries, pack, unpack
from wickie.model import Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

    from wickie.credentials import Sensitive

PUBLISH_PERMISSIONS: Final = ("dynamodb:Query", "dynamodb:UpdateItem", "kms:GenerateMac")
"""What whoever rotates may do: write prints, with the working key."""
RECOGNISE_PERMISSIONS: Final = ("dynamodb:Scan", "kms:GenerateMac")
"""What a scanner may do: load prints, with the working key; never write them."""

_RETIRED_SECONDS: Final = 90 * 24 * 3600
_ATTEMPTS: Final = 10


@dataclass(frozen=True)
class FingerprintTable:
    """The DynamoDB table of prints: one item for each version of each managed secret."""

    dynamodb: DynamoDBClient
    name: str
    now: Callable[[], float] = time.time

    def publish(
        self, arn: str, version_id: str, stage: Stage, value: Sensitive, key: bytes
    ) -> None:
        """Make a version recognisable; what is not `publishable` is left out."""
        if not publishable(value.reveal()):
            return
        self.dynamodb.update_item(
            TableName=self.name,
            Key={"secret": {"S": arn}, "version": {"S": version_id}},
            UpdateExpression=(
                "SET #entries = :entries, #stage = :stage, "
                "#adopted = if_not_exists(#adopted, :adopted) REMOVE #expires"
            ),
            ExpressionAttributeNames={
                "#entries": "entries",
                "#stage": "stage",
                "#adopted": "adopted",
                "#expires": "expires",
            },
            ExpressionAttributeValues={
                ":entries": {"B": pack(entries(value.reveal(), key))},
                ":stage": {"S": stage.value},
                # What rotation has made is printed while it is AWSPENDING.
                ":adopted": {"N": str(0 if stage is Stage.PENDING else int(self.now()))},
            },
        )

    def plant(self, arn: str, version_id: str, texts: Iterable[str], key: bytes) -> None:
        """Make a honeytoken recognisable by any of these texts of its value."""
        self.dynamodb.put_item(
            TableName=self.name,
            Item={
                "secret": {"S": arn},
                "version": {"S": version_id},
                "entries": {"B": b"".join(pack(entries(text, key)) for text in texts)},
                "stage": {"S": Stage.CURRENT.value},
                "adopted": {"N": str(int(self.now()))},
                "honeytoken": {"BOOL": True},
            },
        )

    def uproot(self, arn: str, version_id: str) -> None:
        """Forget a version of a honeytoken."""
        self.dynamodb.delete_item(
            TableName=self.name,
            Key={"secret": {"S": arn}, "version": {"S": version_id}},
            ConditionExpression="honeytoken = :yes",
            ExpressionAttributeValues={":yes": {"BOOL": True}},
        )

    def restage(self, arn: str, stages: Mapping[str, Stage]) -> None:
        """
        Set the stage of every published version of a secret; those not named are retired.

        All at once or not at all: two calls that overlap leave the stages of one of them.
        """
        for _ in range(_ATTEMPTS):
            if self._restaged(arn, stages):
                return
        raise RotationError(
            f"the fingerprints of {arn} are being changed by others all the time; try again"
        )

    def load(self) -> Iterator[Fingerprint]:
        """Read every print there is; the table also holds leases, which are none."""
        found = _items(
            self.dynamodb.scan, TableName=self.name, FilterExpression="attribute_exists(entries)"
        )
        for item in found:
            arn, version = item["secret"]["S"], item["version"]["S"]
            stage, adopted = Stage(item["stage"]["S"]), int(item["adopted"]["N"])
            honey = item.get("honeytoken", {}).get("BOOL", False)
            for name, length, windows, whole in unpack(item["entries"]["B"]):
                yield Fingerprint(arn, version, stage, name, length, windows, whole, adopted, honey)

    def _restaged(self, arn: str, stages: Mapping[str, Stage]) -> bool:
        seen = self._stages(arn)
        wanted = {version: stages.get(version, Stage.RETIRED) for version in seen}
        # Those that keep a stage other than RETIRED are written too: their condition is what
        # makes of two overlapping calls one that comes after the other.
        changes = [
            self._change(arn, version, seen[version], stage)
            for version, stage in wanted.items()
            if (seen[version], stage) != (Stage.RETIRED, Stage.RETIRED)
        ]
        try:
            if any(seen[version] is not stage for version, stage in wanted.items()):
                self.dynamodb.transact_write_items(TransactItems=changes)
        except self.dynamodb.exceptions.TransactionCanceledException:
            return False
        return True

    def _stages(self, arn: str) -> dict[str, Stage]:
        items = _items(
            self.dynamodb.query,
            TableName=self.name,
            ConsistentRead=True,
            KeyConditionExpression="#secret = :secret",
            ProjectionExpression="#version, #stage",
            ExpressionAttributeNames={
                "#secret": "secret",
                "#version": "version",
                "#stage": "stage",
            },
            ExpressionAttributeValues={":secret": {"S": arn}},
        )
        return {item["version"]["S"]: Stage(item["stage"]["S"]) for item in items}

    def _change(
        self, arn: str, version: str, seen: Stage, stage: Stage
    ) -> TransactWriteItemTypeDef:
        values = {":seen": {"S": seen.value}, ":stage": {"S": stage.value}}
        expression = "SET #stage = :stage REMOVE #expires"
        if stage is Stage.RETIRED:
            expression = "SET #stage = :stage, #expires = :expires"
            values[":expires"] = {"N": str(int(self.now()) + _RETIRED_SECONDS)}
        return {
            "Update": {
                "TableName": self.name,
                "Key": {"secret": {"S": arn}, "version": {"S": version}},
                "ConditionExpression": "#stage = :seen",
                "UpdateExpression": expression,
                "ExpressionAttributeNames": {"#stage": "stage", "#expires": "expires"},
                "ExpressionAttributeValues": values,
            }
        }


def _items(ask: Callable[..., Any], **question: Any) -> Iterator[dict[str, Any]]:
    """All that a scan or query finds, page after page: not every client has paginators."""
    while True:
        page = ask(**question)
        yield from page["Items"]
        if "LastEvaluatedKey" not in page:
            return
        question["ExclusiveStartKey"] = page["LastEvaluatedKey"]
