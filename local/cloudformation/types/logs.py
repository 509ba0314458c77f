"""AWS::Logs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.cloudformation.types.call import ResourceType

if TYPE_CHECKING:
    from local.cloudformation.types.call import Call

_APART = ("RetentionInDays", "Tags")


def _create_group(call: Call) -> None:
    properties = call.but(*_APART) | {"LogGroupName": call.name}
    tags = {"tags": call.tags()} if call.tags() else {}
    call.api("logs", "create_log_group", **properties, **tags)
    call.physical_id = call.name
    call.attributes = {"Arn": call.arn("logs", f"log-group:{call.name}:*")}
    _retain(call)


def _update_group(call: Call) -> None:
    name = call.physical_id
    if call.changed("RetentionInDays"):
        _retain(call)
    if call.changed("KmsKeyId"):
        if key := call.properties.get("KmsKeyId"):
            call.api("logs", "associate_kms_key", logGroupName=name, kmsKeyId=key)
        else:
            call.api("logs", "disassociate_kms_key", logGroupName=name)
    arn = call.arn("logs", f"log-group:{name}")
    call.retag(
        lambda tags: call.api("logs", "tag_resource", resourceArn=arn, tags=tags),
        lambda keys: call.api("logs", "untag_resource", resourceArn=arn, tagKeys=keys),
    )


def _retain(call: Call) -> None:
    name = call.physical_id
    if days := call.properties.get("RetentionInDays"):
        call.api("logs", "put_retention_policy", logGroupName=name, retentionInDays=days)
    elif call.previous:
        call.api("logs", "delete_retention_policy", logGroupName=name)


def _put_filter(call: Call) -> None:
    call.physical_id = call.name
    call.api("logs", "put_metric_filter", **{**call.properties, "FilterName": call.name})


def _delete_filter(call: Call) -> None:
    where = {"logGroupName": call.properties["LogGroupName"], "filterName": call.physical_id}
    call.api("logs", "delete_metric_filter", **where)


TYPES = {
    "AWS::Logs::LogGroup": ResourceType(
        _create_group,
        lambda call: call.api("logs", "delete_log_group", logGroupName=call.physical_id),
        _update_group,
        immutable=frozenset({"LogGroupName", "LogGroupClass"}),
        name="LogGroupName",
    ),
    "AWS::Logs::MetricFilter": ResourceType(
        _put_filter,
        _delete_filter,
        _put_filter,
        immutable=frozenset({"FilterName", "LogGroupName"}),
        name="FilterName",
        tags="",
    ),
}
