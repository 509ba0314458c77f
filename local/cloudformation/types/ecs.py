"""AWS::ECS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local.cloudformation.types.call import ResourceType, as_list

if TYPE_CHECKING:
    from local.cloudformation.types.call import Call

_CAPACITY = ("CapacityProviders", "DefaultCapacityProviderStrategy")


def _create_cluster(call: Call) -> None:
    properties = call.but("ClusterSettings", "Tags") | {"ClusterName": call.name}
    settings = call.properties.get("ClusterSettings")
    tags = {"tags": as_list(call.tags())} if call.tags() else {}
    made = call.api("ecs", "create_cluster", **properties, settings=settings, **tags)
    call.physical_id = call.name
    call.attributes = {"Arn": made["cluster"]["clusterArn"]}


def _update_cluster(call: Call) -> None:
    name = call.physical_id
    if call.changed("ClusterSettings", "Configuration", "ServiceConnectDefaults"):
        properties = call.but("ClusterName", "ClusterSettings", "Tags", *_CAPACITY)
        settings = call.properties.get("ClusterSettings", [])
        call.api("ecs", "update_cluster", cluster=name, settings=settings, **properties)
    if call.changed(*_CAPACITY):
        _put_capacity(call, name)
    arn = call.attributes["Arn"]
    call.retag(
        lambda tags: call.api("ecs", "tag_resource", resourceArn=arn, tags=as_list(tags)),
        lambda keys: call.api("ecs", "untag_resource", resourceArn=arn, tagKeys=keys),
    )


def _put_capacity(call: Call, cluster: str) -> None:
    wanted = {name: call.properties.get(name, []) for name in _CAPACITY}
    call.api("ecs", "put_cluster_capacity_providers", cluster=cluster, **wanted)


def _associate_capacity(call: Call) -> None:
    call.physical_id = call.properties["Cluster"]
    _put_capacity(call, call.physical_id)


def _dissociate_capacity(call: Call) -> None:
    empty: dict[str, Any] = {name: [] for name in _CAPACITY}
    call.api("ecs", "put_cluster_capacity_providers", cluster=call.physical_id, **empty)


def _register(call: Call) -> None:
    properties = call.but("Tags") | {"Family": call.name}
    tags = {"tags": as_list(call.tags())} if call.tags() else {}
    made = call.api("ecs", "register_task_definition", **properties, **tags)
    call.physical_id = made["taskDefinition"]["taskDefinitionArn"]
    call.attributes = {"TaskDefinitionArn": call.physical_id}


def _deregister(call: Call) -> None:
    call.api("ecs", "deregister_task_definition", taskDefinition=call.physical_id)


TYPES = {
    "AWS::ECS::Cluster": ResourceType(
        _create_cluster,
        lambda call: call.api("ecs", "delete_cluster", cluster=call.physical_id),
        _update_cluster,
        immutable=frozenset({"ClusterName"}),
        name="ClusterName",
    ),
    "AWS::ECS::ClusterCapacityProviderAssociations": ResourceType(
        _associate_capacity,
        _dissociate_capacity,
        _associate_capacity,
        immutable=frozenset({"Cluster"}),
        tags="",
    ),
    "AWS::ECS::TaskDefinition": ResourceType(_register, _deregister, name="Family", versioned=True),
}
