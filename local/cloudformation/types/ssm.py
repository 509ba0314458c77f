"""AWS::SSM."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.cloudformation.types.call import ResourceType, as_list

if TYPE_CHECKING:
    from local.cloudformation.types.call import Call


def _create(call: Call) -> None:
    tags = {"Tags": as_list(call.tags())} if call.tags() else {}
    call.api("ssm", "put_parameter", **(call.but("Tags") | {"Name": call.name}), **tags)
    _describe(call)


def _update(call: Call) -> None:
    description = {"Description": call.properties.get("Description", "")}
    properties = description | call.but("Tags") | {"Name": call.physical_id}
    call.api("ssm", "put_parameter", **properties, Overwrite=True)
    where = {"ResourceType": "Parameter", "ResourceId": call.physical_id}
    call.retag(
        lambda tags: call.api("ssm", "add_tags_to_resource", **where, Tags=as_list(tags)),
        lambda keys: call.api("ssm", "remove_tags_from_resource", **where, TagKeys=keys),
    )
    _describe(call)


def _describe(call: Call) -> None:
    call.physical_id = call.physical_id or call.name
    call.attributes = {"Type": call.properties["Type"], "Value": call.properties["Value"]}


TYPES = {
    "AWS::SSM::Parameter": ResourceType(
        _create,
        lambda call: call.api("ssm", "delete_parameter", Name=call.physical_id),
        _update,
        immutable=frozenset({"Name"}),
        name="Name",
        tags="map",
    )
}
