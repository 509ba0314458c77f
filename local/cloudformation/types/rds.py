"""AWS::RDS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local.cloudformation.errors import ResourceError
from local.cloudformation.types.call import ResourceType, as_list

if TYPE_CHECKING:
    from local.cloudformation.types.call import Call

_UPDATED = {"BackupRetentionPeriod": 1, "DBInstanceClass": None, "DeletionProtection": False}
"""And what each is where the template no longer says it."""


def _create_instance(call: Call) -> None:
    properties = call.but("Tags", "VPCSecurityGroups") | {"DBInstanceIdentifier": call.name}
    groups = call.properties.get("VPCSecurityGroups", [])
    made = call.api(
        "rds",
        "create_db_instance",
        **properties,
        VpcSecurityGroupIds=groups,
        Tags=as_list(call.tags()),
    )["DBInstance"]
    call.physical_id = made["DBInstanceIdentifier"]
    call.attributes = {
        "DBInstanceArn": made["DBInstanceArn"],
        "DbiResourceId": made["DbiResourceId"],
        "Endpoint.Address": made["Endpoint"]["Address"],
        "Endpoint.Port": str(made["Endpoint"]["Port"]),
    }


def _update_instance(call: Call) -> None:
    names = {*call.properties, *call.previous} - {"Tags"}
    changed = {name for name in names if call.changed(name)}
    if unknown := sorted(changed - {*_UPDATED}):
        raise ResourceError(f"An update of {', '.join(unknown)} is not emulated by the local AWS")
    if changed:
        new = {name: call.properties.get(name, _UPDATED[name]) for name in changed}
        instance = {"DBInstanceIdentifier": call.physical_id, "ApplyImmediately": True}
        call.api("rds", "modify_db_instance", **instance, **new)
    _retag(call, call.attributes["DBInstanceArn"])


def _delete_instance(call: Call) -> None:
    # A policy of Snapshot is not told apart: what is kept here is kept as long as the process.
    call.api(
        "rds", "delete_db_instance", DBInstanceIdentifier=call.physical_id, SkipFinalSnapshot=True
    )


def _create_subnets(call: Call) -> None:
    properties = call.but("Tags") | {"DBSubnetGroupName": call.name}
    tags = as_list(call.tags())
    made = call.api("rds", "create_db_subnet_group", **properties, Tags=tags)["DBSubnetGroup"]
    call.physical_id = made["DBSubnetGroupName"]
    call.attributes = {"Arn": made["DBSubnetGroupArn"]}


def _update_subnets(call: Call) -> None:
    properties = call.but("Tags") | {"DBSubnetGroupName": call.physical_id}
    call.api("rds", "modify_db_subnet_group", **properties)
    _retag(call, call.attributes["Arn"])


def _delete_subnets(call: Call) -> None:
    call.api("rds", "delete_db_subnet_group", DBSubnetGroupName=call.physical_id)


def _retag(call: Call, arn: str) -> None:
    named: dict[str, Any] = {"ResourceName": arn}
    call.retag(
        lambda tags: call.api("rds", "add_tags_to_resource", **named, Tags=as_list(tags)),
        lambda keys: call.api("rds", "remove_tags_from_resource", **named, TagKeys=keys),
    )


TYPES = {
    "AWS::RDS::DBInstance": ResourceType(
        _create_instance,
        _delete_instance,
        _update_instance,
        immutable=frozenset(
            {"DBInstanceIdentifier", "DBName", "DBSubnetGroupName", "Engine", "MasterUsername"}
            | {"KmsKeyId", "StorageEncrypted", "Port"}
        ),
        name="DBInstanceIdentifier",
        name_length=63,
        lower_case=True,
    ),
    "AWS::RDS::DBSubnetGroup": ResourceType(
        _create_subnets,
        _delete_subnets,
        _update_subnets,
        immutable=frozenset({"DBSubnetGroupName"}),
        name="DBSubnetGroupName",
        lower_case=True,
    ),
}
