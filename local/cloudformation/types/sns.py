"""AWS::SNS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local.cloudformation.types.call import ResourceType, as_list
from local.world import ACCOUNT

if TYPE_CHECKING:
    from local.cloudformation.types.call import Call

_TOPIC = ("TopicName", "Tags", "Subscription")
_SUBSCRIPTION = ("TopicArn", "Protocol", "Endpoint")


def _create_topic(call: Call) -> None:
    attributes, tags = call.but(*_TOPIC), as_list(call.tags())
    made = call.api("sns", "create_topic", Name=call.name, Attributes=attributes, Tags=tags)
    arn = call.physical_id = made["TopicArn"]
    call.attributes = {"TopicArn": arn, "TopicName": call.name}
    _subscribe_inline(call)


def _update_topic(call: Call) -> None:
    arn = call.physical_id
    for name in {*call.but(*_TOPIC), *(set(call.previous) - set(_TOPIC))}:
        if call.changed(name):
            value = call.properties.get(name, "")
            change = {"AttributeName": name, "AttributeValue": value}
            call.api("sns", "set_topic_attributes", TopicArn=arn, **change)
    if call.changed("Subscription"):
        for one in call.api("sns", "list_subscriptions_by_topic", TopicArn=arn)["Subscriptions"]:
            inline = {"Protocol": one["Protocol"], "Endpoint": one["Endpoint"]}
            if inline in call.previous.get("Subscription", []):
                call.api("sns", "unsubscribe", SubscriptionArn=one["SubscriptionArn"])
        _subscribe_inline(call)
    call.retag(
        lambda tags: call.api("sns", "tag_resource", ResourceArn=arn, Tags=as_list(tags)),
        lambda keys: call.api("sns", "untag_resource", ResourceArn=arn, TagKeys=keys),
    )


def _subscribe_inline(call: Call) -> None:
    for one in call.properties.get("Subscription", []):
        call.api("sns", "subscribe", TopicArn=call.physical_id, **one)


def _set_policy(call: Call) -> None:
    call.physical_id = call.physical_id or call.name
    for arn in call.properties["Topics"]:
        _put_policy(call, arn, call.properties["PolicyDocument"])
    for arn in set(call.previous.get("Topics", [])) - set(call.properties["Topics"]):
        _put_policy(call, arn, _owner_only(arn))


def _delete_policy(call: Call) -> None:
    for arn in call.properties["Topics"]:
        _put_policy(call, arn, _owner_only(arn))


def _put_policy(call: Call, arn: str, policy: Any) -> None:
    change = {"AttributeName": "Policy", "AttributeValue": policy}
    call.api("sns", "set_topic_attributes", TopicArn=arn, **change)


def _owner_only(arn: str) -> dict[str, Any]:
    """Stand in for the policy of a new topic."""
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": ["SNS:Publish", "SNS:Subscribe", "SNS:GetTopicAttributes"],
        "Resource": arn,
        "Condition": {"StringEquals": {"AWS:SourceOwner": ACCOUNT}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def _subscribe(call: Call) -> None:
    where = {name: call.properties[name] for name in _SUBSCRIPTION if name in call.properties}
    attributes = call.but(*_SUBSCRIPTION)
    made = call.api("sns", "subscribe", **where, Attributes=attributes, ReturnSubscriptionArn=True)
    call.physical_id = made["SubscriptionArn"]
    call.attributes = {"Arn": call.physical_id}


def _update_subscription(call: Call) -> None:
    for name in {*call.but(*_SUBSCRIPTION), *(set(call.previous) - set(_SUBSCRIPTION))}:
        if call.changed(name):
            value = call.properties.get(name, {} if name.endswith("Policy") else "false")
            change = {"AttributeName": name, "AttributeValue": value}
            arn = call.physical_id
            call.api("sns", "set_subscription_attributes", SubscriptionArn=arn, **change)


TYPES = {
    "AWS::SNS::Topic": ResourceType(
        _create_topic,
        lambda call: call.api("sns", "delete_topic", TopicArn=call.physical_id),
        _update_topic,
        immutable=frozenset({"TopicName", "FifoTopic"}),
        name="TopicName",
    ),
    "AWS::SNS::TopicPolicy": ResourceType(_set_policy, _delete_policy, _set_policy, tags=""),
    "AWS::SNS::Subscription": ResourceType(
        _subscribe,
        lambda call: call.api("sns", "unsubscribe", SubscriptionArn=call.physical_id),
        _update_subscription,
        immutable=frozenset(_SUBSCRIPTION),
        tags="",
    ),
}
