"""AWS::Events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local.cloudformation.errors import ResourceError
from local.cloudformation.types.call import ResourceType, as_list

if TYPE_CHECKING:
    from local.cloudformation.types.call import Call

_DEFAULT_BUS = "default"


def _create(call: Call) -> None:
    tags = {"Tags": as_list(call.tags())} if call.tags() else {}
    made = call.api("events", "put_rule", **_rule(call), **tags)
    bus = _bus(call)
    call.physical_id = call.name if bus == _DEFAULT_BUS else f"{bus}|{call.name}"
    call.attributes = {"Arn": made["RuleArn"]}
    _put_targets(call)


def _update(call: Call) -> None:
    call.name = call.physical_id.rpartition("|")[2]
    call.api("events", "put_rule", **_rule(call))
    kept = {target["Id"] for target in call.properties.get("Targets", [])}
    old = {target["Id"] for target in call.previous.get("Targets", [])}
    _remove_targets(call, sorted(old - kept))
    _put_targets(call)
    arn = call.attributes["Arn"]
    call.retag(
        lambda tags: call.api("events", "tag_resource", ResourceARN=arn, Tags=as_list(tags)),
        lambda keys: call.api("events", "untag_resource", ResourceARN=arn, TagKeys=keys),
    )


def _delete(call: Call) -> None:
    call.name = call.physical_id.rpartition("|")[2]
    _remove_targets(call, [target["Id"] for target in call.properties.get("Targets", [])])
    call.api("events", "delete_rule", Name=call.name, EventBusName=_bus(call))


def _rule(call: Call) -> dict[str, Any]:
    return call.but("Targets", "Tags") | {"Name": call.name, "EventBusName": _bus(call)}


def _bus(call: Call) -> str:
    return str(call.properties.get("EventBusName", _DEFAULT_BUS)).rpartition("/")[2]


def _put_targets(call: Call) -> None:
    targets = [_target(target) for target in call.properties.get("Targets", [])]
    if not targets:
        return
    where = {"Rule": call.name, "EventBusName": _bus(call)}
    for failed in call.api("events", "put_targets", **where, Targets=targets)["FailedEntries"]:
        raise ResourceError(f"Target {failed['TargetId']}: {failed['ErrorMessage']}")


def _target(target: dict[str, Any]) -> dict[str, Any]:
    if "EcsParameters" not in target:
        return target
    container = dict(target["EcsParameters"])
    if "TagList" in container:
        container["Tags"] = container.pop("TagList")
    return target | {"EcsParameters": container}


def _remove_targets(call: Call, ids: list[str]) -> None:
    if ids:
        bus = _bus(call)
        call.api("events", "remove_targets", Rule=call.name, EventBusName=bus, Ids=ids)


TYPES = {
    "AWS::Events::Rule": ResourceType(
        _create,
        _delete,
        _update,
        immutable=frozenset({"Name", "EventBusName"}),
        name="Name",
        name_length=64,
    )
}
