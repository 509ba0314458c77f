"""AWS::SQS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local.cloudformation.types.call import ResourceType

if TYPE_CHECKING:
    from local.cloudformation.types.call import Call

_DEFAULTS: dict[str, Any] = {
    "DelaySeconds": 0,
    "KmsMasterKeyId": "",
    "MaximumMessageSize": 262144,
    "MessageRetentionPeriod": 345600,
    "ReceiveMessageWaitTimeSeconds": 0,
    "RedrivePolicy": "",
    "VisibilityTimeout": 30,
}


def _create_queue(call: Call) -> None:
    attributes = call.but("QueueName", "Tags")
    tags = {"tags": call.tags()} if call.tags() else {}
    made = call.api("sqs", "create_queue", QueueName=call.name, Attributes=attributes, **tags)
    url = call.physical_id = made["QueueUrl"]
    arn = call.arn("sqs", call.name)
    call.attributes = {"Arn": arn, "QueueName": call.name, "QueueUrl": url}


def _update_queue(call: Call) -> None:
    properties = call.but("QueueName", "Tags", "FifoQueue")
    gone = {n: d for n, d in _DEFAULTS.items() if n in call.previous and n not in properties}
    if attributes := gone | properties:
        url = call.physical_id
        call.api("sqs", "set_queue_attributes", QueueUrl=url, Attributes=attributes)
    call.retag(
        lambda tags: call.api("sqs", "tag_queue", QueueUrl=call.physical_id, Tags=tags),
        lambda keys: call.api("sqs", "untag_queue", QueueUrl=call.physical_id, TagKeys=keys),
    )


def _set_policy(call: Call) -> None:
    call.physical_id = call.physical_id or call.name
    for url in call.properties["Queues"]:
        policy = {"Policy": call.properties["PolicyDocument"]}
        call.api("sqs", "set_queue_attributes", QueueUrl=url, Attributes=policy)
    _forget(call, set(call.previous.get("Queues", [])) - set(call.properties["Queues"]))


def _forget(call: Call, urls: Any) -> None:
    for url in urls:
        call.api("sqs", "set_queue_attributes", QueueUrl=url, Attributes={"Policy": ""})


TYPES = {
    "AWS::SQS::Queue": ResourceType(
        _create_queue,
        lambda call: call.api("sqs", "delete_queue", QueueUrl=call.physical_id),
        _update_queue,
        immutable=frozenset({"QueueName", "FifoQueue"}),
        name="QueueName",
        name_length=80,
    ),
    "AWS::SQS::QueuePolicy": ResourceType(
        _set_policy,
        lambda call: _forget(call, call.properties["Queues"]),
        _set_policy,
        tags="",
    ),
}
