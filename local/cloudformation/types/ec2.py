"""AWS::EC2: networks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local.cloudformation.errors import ResourceError
from local.cloudformation.types.call import ResourceType, as_list

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.cloudformation.types.call import Call

_DNS = ("EnableDnsSupport", "EnableDnsHostnames")


def retag(call: Call) -> None:
    """EC2 tags everything by its id."""
    resource = {"Resources": [call.physical_id]}
    call.retag(
        lambda tags: call.api("ec2", "create_tags", **resource, Tags=as_list(tags)),
        lambda keys: call.api("ec2", "delete_tags", **resource, Tags=[{"Key": k} for k in keys]),
    )


def delete_by(operation: str, argument: str) -> Callable[[Call], None]:
    """Delete by id."""

    def delete(call: Call) -> None:
        call.api("ec2", operation, **{argument: call.physical_id})

    return delete


def refuse_if_functions_use(call: Call) -> None:
    """
    A subnet or a group in which a function has its network interfaces stays, as in AWS.

    https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-attached
    """
    for function in call.api("lambda", "list_functions")["Functions"]:
        used = function.get("VpcConfig") or {}
        if call.physical_id in (*used.get("SubnetIds", ()), *used.get("SecurityGroupIds", ())):
            raise ResourceError(
                f"{call.physical_id} has dependencies and cannot be deleted: function "
                f"{function['FunctionName']} is in it"
            )


def _delete_subnet(call: Call) -> None:
    refuse_if_functions_use(call)
    call.api("ec2", "delete_subnet", SubnetId=call.physical_id)


def _create_vpc(call: Call) -> None:
    made = call.api("ec2", "create_vpc", **call.but(*_DNS, "Tags"))["Vpc"]
    vpc = call.physical_id = made["VpcId"]
    of_vpc = [{"Name": "vpc-id", "Values": [vpc]}]
    groups = call.api("ec2", "describe_security_groups", Filters=of_vpc)["SecurityGroups"]
    acls = call.api("ec2", "describe_network_acls", Filters=of_vpc)["NetworkAcls"]
    call.attributes = {
        "CidrBlock": made["CidrBlock"],
        "DefaultNetworkAcl": acls[0]["NetworkAclId"],
        "DefaultSecurityGroup": groups[0]["GroupId"],
        "VpcId": vpc,
    }
    _update_vpc(call)


def _update_vpc(call: Call) -> None:
    for name, default in zip(_DNS, (True, False), strict=True):
        if call.changed(name):
            value = {"Value": call.properties.get(name, default)}
            call.api("ec2", "modify_vpc_attribute", VpcId=call.physical_id, **{name: value})
    retag(call)


def _create_subnet(call: Call) -> None:
    properties = call.but("MapPublicIpOnLaunch", "Tags")
    made = call.api("ec2", "create_subnet", **properties)["Subnet"]
    call.physical_id = made["SubnetId"]
    call.attributes = {
        name: made[name] for name in ("AvailabilityZone", "CidrBlock", "SubnetId", "VpcId")
    }
    _update_subnet(call)


def _update_subnet(call: Call) -> None:
    if call.changed("MapPublicIpOnLaunch"):
        value = {"Value": call.properties.get("MapPublicIpOnLaunch", False)}
        subnet = call.physical_id
        call.api("ec2", "modify_subnet_attribute", SubnetId=subnet, MapPublicIpOnLaunch=value)
    retag(call)


def _create_gateway(call: Call) -> None:
    made = call.api("ec2", "create_internet_gateway", **call.but("Tags"))["InternetGateway"]
    call.physical_id = made["InternetGatewayId"]
    call.attributes = {"InternetGatewayId": call.physical_id}
    retag(call)


def _attach(call: Call) -> None:
    call.api("ec2", "attach_internet_gateway", **call.properties)
    call.physical_id = f"IGW|{call.properties['VpcId']}"
    call.attributes = {"AttachmentType": "IGW"}


def _detach(call: Call) -> None:
    call.api("ec2", "detach_internet_gateway", **call.properties)


def _create_route_table(call: Call) -> None:
    made = call.api("ec2", "create_route_table", **call.but("Tags"))["RouteTable"]
    call.physical_id = made["RouteTableId"]
    call.attributes = {"RouteTableId": call.physical_id}
    retag(call)


def _associate(call: Call) -> None:
    made = call.api("ec2", "associate_route_table", **call.properties)
    call.physical_id = made["AssociationId"]
    call.attributes = {"Id": call.physical_id}


def _create_route(call: Call) -> None:
    call.api("ec2", "create_route", **call.properties)
    call.physical_id = f"{call.properties['RouteTableId']}|{_destination(call)[1]}"


def _replace_route(call: Call) -> None:
    call.api("ec2", "replace_route", **call.properties)


def _delete_route(call: Call) -> None:
    name, value = _destination(call)
    table = call.properties["RouteTableId"]
    call.api("ec2", "delete_route", RouteTableId=table, **{name: value})


def _destination(call: Call) -> tuple[str, Any]:
    return next((n, v) for n, v in call.properties.items() if n.startswith("Destination"))


def _create_endpoint(call: Call) -> None:
    made = call.api("ec2", "create_vpc_endpoint", **call.but("Tags"))["VpcEndpoint"]
    call.physical_id = made["VpcEndpointId"]
    call.attributes = {"Id": call.physical_id}
    retag(call)


def _update_endpoint(call: Call) -> None:
    names = {*call.properties, *call.previous} - {"Tags"}
    if changed := [name for name in sorted(names) if call.changed(name)]:
        raise ResourceError(f"An update of {', '.join(changed)} is not emulated by the local AWS")
    retag(call)


def _delete_endpoint(call: Call) -> None:
    call.api("ec2", "delete_vpc_endpoints", VpcEndpointIds=[call.physical_id])


def _disassociate(call: Call) -> None:
    call.api("ec2", "disassociate_route_table", AssociationId=call.physical_id)


TYPES = {
    "AWS::EC2::VPC": ResourceType(
        _create_vpc,
        delete_by("delete_vpc", "VpcId"),
        _update_vpc,
        immutable=frozenset({"CidrBlock", "InstanceTenancy", "Ipv4IpamPoolId"}),
    ),
    "AWS::EC2::Subnet": ResourceType(
        _create_subnet,
        _delete_subnet,
        _update_subnet,
        immutable=frozenset({"AvailabilityZone", "CidrBlock", "VpcId"}),
    ),
    "AWS::EC2::InternetGateway": ResourceType(
        _create_gateway, delete_by("delete_internet_gateway", "InternetGatewayId"), retag
    ),
    "AWS::EC2::VPCGatewayAttachment": ResourceType(_attach, _detach, tags=""),
    "AWS::EC2::RouteTable": ResourceType(
        _create_route_table,
        delete_by("delete_route_table", "RouteTableId"),
        retag,
        immutable=frozenset({"VpcId"}),
    ),
    "AWS::EC2::SubnetRouteTableAssociation": ResourceType(_associate, _disassociate, tags=""),
    "AWS::EC2::Route": ResourceType(
        _create_route,
        _delete_route,
        _replace_route,
        immutable=frozenset({"RouteTableId", "DestinationCidrBlock", "DestinationIpv6CidrBlock"}),
        tags="",
    ),
    "AWS::EC2::VPCEndpoint": ResourceType(
        _create_endpoint,
        _delete_endpoint,
        _update_endpoint,
        immutable=frozenset({"ServiceName", "VpcEndpointType", "VpcId"}),
    ),
}
