"""AWS::CloudWatch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.cloudformation.types.call import ResourceType, as_list

if TYPE_CHECKING:
    from local.cloudformation.types.call import Call


def _put_alarm(call: Call) -> None:
    tags = {} if call.previous else {"Tags": as_list(call.tags())}
    properties = call.but("Tags") | {"AlarmName": call.name} | tags
    call.api("cloudwatch", "put_metric_alarm", **properties)
    call.physical_id = call.name
    call.attributes = {"Arn": call.arn("cloudwatch", f"alarm:{call.name}")}


def _update_alarm(call: Call) -> None:
    call.name = call.physical_id
    _put_alarm(call)
    arn = call.attributes["Arn"]
    call.retag(
        lambda tags: call.api("cloudwatch", "tag_resource", ResourceARN=arn, Tags=as_list(tags)),
        lambda keys: call.api("cloudwatch", "untag_resource", ResourceARN=arn, TagKeys=keys),
    )


def _put_dashboard(call: Call) -> None:
    call.physical_id = call.physical_id or call.name
    body = call.properties["DashboardBody"]
    name = call.physical_id
    call.api("cloudwatch", "put_dashboard", DashboardName=name, DashboardBody=body)


TYPES = {
    "AWS::CloudWatch::Alarm": ResourceType(
        _put_alarm,
        lambda call: call.api("cloudwatch", "delete_alarms", AlarmNames=[call.physical_id]),
        _update_alarm,
        immutable=frozenset({"AlarmName"}),
        name="AlarmName",
    ),
    "AWS::CloudWatch::Dashboard": ResourceType(
        _put_dashboard,
        lambda call: call.api("cloudwatch", "delete_dashboards", DashboardNames=[call.physical_id]),
        _put_dashboard,
        immutable=frozenset({"DashboardName"}),
        name="DashboardName",
        tags="",
    ),
}
