"""AWS::KMS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.cloudformation.types.call import ResourceType

if TYPE_CHECKING:
    from local.cloudformation.types.call import Call

_APART = (
    "KeyPolicy",
    "Tags",
    "EnableKeyRotation",
    "RotationPeriodInDays",
    "Enabled",
    "PendingWindowInDays",
)


def _create_key(call: Call) -> None:
    properties = call.but(*_APART)
    if "KeyPolicy" in call.properties:
        properties["Policy"] = call.properties["KeyPolicy"]
    if tags := _tags(call.tags()):
        properties["Tags"] = tags
    made = call.api("kms", "create_key", **properties)["KeyMetadata"]
    call.physical_id = made["KeyId"]
    call.attributes = {"Arn": made["Arn"], "KeyId": made["KeyId"]}
    _set_rotation(call)
    if str(call.properties.get("Enabled", True)).lower() == "false":
        call.api("kms", "disable_key", KeyId=call.physical_id)


def _update_key(call: Call) -> None:
    key = {"KeyId": call.physical_id}
    if call.changed("KeyPolicy"):
        policy = call.properties["KeyPolicy"]
        call.api("kms", "put_key_policy", **key, PolicyName="default", Policy=policy)
    if call.changed("Description"):
        description = call.properties.get("Description", "")
        call.api("kms", "update_key_description", **key, Description=description)
    if call.changed("EnableKeyRotation", "RotationPeriodInDays"):
        _set_rotation(call)
    if call.changed("Enabled"):
        on = str(call.properties.get("Enabled", True)).lower() == "true"
        call.api("kms", "enable_key" if on else "disable_key", **key)
    call.retag(
        lambda tags: call.api("kms", "tag_resource", **key, Tags=_tags(tags)),
        lambda keys: call.api("kms", "untag_resource", **key, TagKeys=keys),
    )


def _set_rotation(call: Call) -> None:
    key = {"KeyId": call.physical_id}
    if str(call.properties.get("EnableKeyRotation", False)).lower() == "true":
        days = call.properties.get("RotationPeriodInDays")
        call.api("kms", "enable_key_rotation", **key, RotationPeriodInDays=days)
    elif call.previous.get("EnableKeyRotation"):
        call.api("kms", "disable_key_rotation", **key)


def _delete_key(call: Call) -> None:
    days = call.properties.get("PendingWindowInDays")
    call.api("kms", "schedule_key_deletion", KeyId=call.physical_id, PendingWindowInDays=days)


def _tags(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"TagKey": key, "TagValue": value} for key, value in tags.items()]


def _create_alias(call: Call) -> None:
    call.api("kms", "create_alias", AliasName=call.name, TargetKeyId=_target(call))
    call.physical_id = call.name


def _target(call: Call) -> str:
    return str(call.properties["TargetKeyId"]).rpartition("/")[2]


def _update_alias(call: Call) -> None:
    call.api("kms", "update_alias", AliasName=call.physical_id, TargetKeyId=_target(call))


TYPES = {
    "AWS::KMS::Key": ResourceType(
        _create_key,
        _delete_key,
        _update_key,
        immutable=frozenset({"KeySpec", "KeyUsage", "MultiRegion", "Origin"}),
    ),
    "AWS::KMS::Alias": ResourceType(
        _create_alias,
        lambda call: call.api("kms", "delete_alias", AliasName=call.physical_id),
        _update_alias,
        immutable=frozenset({"AliasName"}),
        name="AliasName",
        tags="",
    ),
}
