"""AWS::DynamoDB."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local.cloudformation.errors import ResourceError
from local.cloudformation.types.call import ResourceType, as_list

if TYPE_CHECKING:
    from local.cloudformation.types.call import Call

_BACKUPS, _TTL = "PointInTimeRecoverySpecification", "TimeToLiveSpecification"
_APART = (_BACKUPS, _TTL, "SSESpecification", "StreamSpecification", "Tags")
_IN_PLACE = ("BillingMode", "DeletionProtectionEnabled", "ProvisionedThroughput", "TableClass")
_SERVICE = "dynamodb"


def _create(call: Call) -> None:
    properties = call.but(*_APART) | {"TableName": call.name} | _encryption(call) | _stream(call)
    properties.setdefault("BillingMode", "PROVISIONED")
    if call.tags():
        properties["Tags"] = as_list(call.tags())
    made = call.api(_SERVICE, "create_table", **properties)["TableDescription"]
    call.physical_id = call.name
    call.attributes = {"Arn": made["TableArn"]}
    if "LatestStreamArn" in made:
        call.attributes["StreamArn"] = made["LatestStreamArn"]
    _set_apart(call)


def _update(call: Call) -> None:
    table = {"TableName": call.physical_id}
    names = {*call.properties, *call.previous} - {*_APART, *_IN_PLACE}
    if changed := [name for name in sorted(names) if call.changed(name)]:
        raise ResourceError(f"An update of {', '.join(changed)} is not emulated by the local AWS")
    change: dict[str, Any] = {}
    if call.changed(*_IN_PLACE):
        change = {n: call.properties[n] for n in _IN_PLACE if n in call.properties}
        change.setdefault("BillingMode", "PROVISIONED")
    if call.changed("SSESpecification"):
        change |= _encryption(call) or {"SSESpecification": {"Enabled": False}}
    if call.changed("StreamSpecification"):
        change |= _stream(call) or {"StreamSpecification": {"StreamEnabled": False}}
    if change:
        call.api(_SERVICE, "update_table", **table, **change)
    _set_apart(call)
    arn = call.attributes["Arn"]
    call.retag(
        lambda tags: call.api(_SERVICE, "tag_resource", ResourceArn=arn, Tags=as_list(tags)),
        lambda keys: call.api(_SERVICE, "untag_resource", ResourceArn=arn, TagKeys=keys),
    )


def _encryption(call: Call) -> dict[str, Any]:
    if not (wanted := dict(call.properties.get("SSESpecification") or {})):
        return {}
    wanted["Enabled"] = wanted.pop("SSEEnabled")
    if str(wanted["Enabled"]).lower() == "true":
        wanted.setdefault("SSEType", "KMS")
    return {"SSESpecification": wanted}


def _stream(call: Call) -> dict[str, Any]:
    if not (wanted := call.properties.get("StreamSpecification")):
        return {}
    return {"StreamSpecification": wanted | {"StreamEnabled": True}}


def _set_apart(call: Call) -> None:
    table = {"TableName": call.physical_id}
    if call.changed(_TTL):
        wanted = call.properties.get(_TTL) or call.previous[_TTL] | {"Enabled": False}
        call.api(_SERVICE, "update_time_to_live", **table, **{_TTL: wanted})
    if call.changed(_BACKUPS):
        wanted = call.properties.get(_BACKUPS) or {"PointInTimeRecoveryEnabled": False}
        call.api(_SERVICE, "update_continuous_backups", **table, **{_BACKUPS: wanted})


TYPES = {
    "AWS::DynamoDB::Table": ResourceType(
        _create,
        lambda call: call.api(_SERVICE, "delete_table", TableName=call.physical_id),
        _update,
        immutable=frozenset(
            {"TableName", "KeySchema", "LocalSecondaryIndexes", "ImportSourceSpecification"}
        ),
        name="TableName",
    )
}
