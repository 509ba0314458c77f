"""AWS::ECS::Service, which is made once its tasks are well."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from local.cloudformation.errors import ResourceError
from local.cloudformation.types.call import ResourceType, as_list

if TYPE_CHECKING:
    from local.cloudformation.types.call import Call

_PATIENCE = 600.0
"""Seconds; AWS waits for three hours."""
_ONLY_AT_CREATION = ("Cluster", "LaunchType", "PropagateTags", "ServiceName", "Tags")


def _create(call: Call) -> None:
    tags = {"Tags": as_list(call.tags())} if call.tags() else {}
    properties = call.but("Tags") | {"ServiceName": call.name} | tags
    made = call.api("ecs", "create_service", **properties)["service"]
    call.physical_id = made["serviceArn"]
    call.attributes = {"Name": made["serviceName"], "ServiceArn": made["serviceArn"]}
    _until_steady(call)


def _update(call: Call) -> None:
    names = {*call.properties, *call.previous} - {*_ONLY_AT_CREATION}
    if changed := {n: call.properties.get(n) for n in names if call.changed(n)}:
        named = {"Cluster": call.properties["Cluster"], "Service": call.physical_id}
        call.api("ecs", "update_service", **named, **changed)
        _until_steady(call)
    arn = call.physical_id
    call.retag(
        lambda tags: call.api("ecs", "tag_resource", resourceArn=arn, tags=as_list(tags)),
        lambda keys: call.api("ecs", "untag_resource", resourceArn=arn, tagKeys=keys),
    )


def _until_steady(call: Call) -> None:
    def settled() -> str:
        deployments = {d["status"]: d for d in _described(call)["deployments"]}
        # After a roll-back the primary one is that which was good before.
        failed = any(d["rolloutState"] == "FAILED" for d in deployments.values())
        return "FAILED" if failed else str(deployments["PRIMARY"]["rolloutState"])

    if _until(settled, {"COMPLETED", "FAILED"}) == "FAILED":
        raise ResourceError("Error occurred during operation 'ECS Deployment Circuit Breaker'.")


def _delete(call: Call) -> None:
    named = {"Cluster": call.properties["Cluster"], "Service": call.physical_id}
    call.api("ecs", "delete_service", **named, Force=True)
    _until(lambda: _described(call)["status"], {"INACTIVE"})


def _described(call: Call) -> Any:
    named = {"Cluster": call.properties["Cluster"], "Services": [call.physical_id]}
    return call.api("ecs", "describe_services", **named)["services"][0]


def _until(ask: Any, wanted: set[str]) -> str:
    end = time.monotonic() + _PATIENCE
    while (found := str(ask())) not in wanted:
        if time.monotonic() > end:
            raise ResourceError(f"Resource did not stabilize: it is {found}")
        time.sleep(0.1)
    return found


TYPES = {
    "AWS::ECS::Service": ResourceType(
        _create,
        _delete,
        _update,
        immutable=frozenset({"Cluster", "LaunchType", "ServiceName", "ServiceRegistries"}),
        name="ServiceName",
    )
}
