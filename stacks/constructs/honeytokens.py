"""Tells the alarm topic at once of whatever the user of a honeytoken is seen to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aws_cdk import aws_sns as sns
    from constructs import Construct


def honeytoken_rule(scope: Construct, stage: str, users: Sequence[str], topic: sns.Topic) -> None:
    """
    A rule on CloudTrail's events of these users, refused calls and reads among them.

    It sees what EventBridge gets in this region, where a trail is. The hourly function sees the
    rest, some hours later.
    """
    rule = events.Rule(
        scope,
        "HoneytokenSeen",
        rule_name=f"wickie-{stage}-honeytoken",
        description="Somebody used a honeytoken",
        event_pattern=events.EventPattern(
            detail_type=["AWS API Call via CloudTrail", "AWS Console Sign In via CloudTrail"],
            detail={"userIdentity": {"userName": [user.rpartition("/")[2] for user in users]}},
        ),
    )
    # Else EventBridge leaves out the calls that only read, with which a thief begins.
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html
    cfn = cast("events.CfnRule", rule.node.default_child)
    cfn.state = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
    who, what, whence = (
        events.EventField.from_path(f"$.detail.{name}")
        for name in ("userIdentity.userName", "eventName", "sourceIPAddress")
    )
    told = f"The honeytoken of IAM user {who} was used: {what} from {whence}"
    rule.add_target(targets.SnsTopic(topic, message=events.RuleTargetInput.from_text(told)))
