"""AWS::ServiceDiscovery: names in a zone that one VPC knows."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from local.cloudformation.types.call import ResourceType, as_list

if TYPE_CHECKING:
    from local.cloudformation.types.call import Call

_SERVICE = "servicediscovery"


def _create_namespace(call: Call) -> None:
    begun = call.api(
        _SERVICE,
        "create_private_dns_namespace",
        **call.but("Tags"),
        CreatorRequestId=uuid.uuid4().hex,
        Tags=as_list(call.tags()),
    )
    operation = call.api(_SERVICE, "get_operation", OperationId=begun["OperationId"])["Operation"]
    call.physical_id = operation["Targets"]["NAMESPACE"]
    made = call.api(_SERVICE, "get_namespace", Id=call.physical_id)["Namespace"]
    zone = made["Properties"]["DnsProperties"]["HostedZoneId"]
    call.attributes = {"Arn": made["Arn"], "HostedZoneId": zone, "Id": call.physical_id}


def _delete_namespace(call: Call) -> None:
    call.api(_SERVICE, "delete_namespace", Id=call.physical_id)


def _create_service(call: Call) -> None:
    tags = as_list(call.tags())
    made = call.api(_SERVICE, "create_service", **call.but("Tags"), Tags=tags)["Service"]
    call.physical_id = made["Id"]
    call.attributes = {name: made[name] for name in ("Arn", "Id", "Name")}


def _delete_service(call: Call) -> None:
    call.api(_SERVICE, "delete_service", Id=call.physical_id)


def _retag(call: Call) -> None:
    arn = {"ResourceARN": call.attributes["Arn"]}
    call.retag(
        lambda tags: call.api(_SERVICE, "tag_resource", **arn, Tags=as_list(tags)),
        lambda keys: call.api(_SERVICE, "untag_resource", **arn, TagKeys=keys),
    )


TYPES = {
    "AWS::ServiceDiscovery::PrivateDnsNamespace": ResourceType(
        _create_namespace,
        _delete_namespace,
        _retag,
        immutable=frozenset({"Name", "Vpc"}),
    ),
    "AWS::ServiceDiscovery::Service": ResourceType(
        _create_service,
        _delete_service,
        _retag,
        immutable=frozenset({"Name", "NamespaceId", "DnsConfig", "HealthCheckCustomConfig"}),
    ),
}
