"""AWS::IAM."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local.cloudformation.types.call import ResourceType, as_list

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.cloudformation.types.call import Call

_APART = ("ManagedPolicyArns", "Policies", "Groups", "Tags")
_HOLDERS = {"Roles": "role", "Users": "user", "Groups": "group"}
_ID = {"role": "RoleName", "user": "UserName", "group": "GroupName"}


def _create_role(call: Call) -> None:
    properties = call.but(*_APART) | {"RoleName": call.name, "Tags": as_list(call.tags())}
    made = call.api("iam", "create_role", **properties)["Role"]
    call.physical_id = call.name
    call.attributes = {"Arn": made["Arn"], "RoleId": made["RoleId"]}
    _set_policies(call, "role")


def _update_role(call: Call) -> None:
    role = {"RoleName": call.physical_id}
    if call.changed("AssumeRolePolicyDocument"):
        policy = call.properties["AssumeRolePolicyDocument"]
        call.api("iam", "update_assume_role_policy", **role, PolicyDocument=policy)
    if call.changed("Description", "MaxSessionDuration"):
        description = call.properties.get("Description", "")
        longest = call.properties.get("MaxSessionDuration", 3600)
        call.api("iam", "update_role", **role, Description=description, MaxSessionDuration=longest)
    _update_principal(call, "role")


def _create_user(call: Call) -> None:
    properties = call.but(*_APART) | {"UserName": call.name, "Tags": as_list(call.tags())}
    made = call.api("iam", "create_user", **properties)["User"]
    call.physical_id = call.name
    call.attributes = {"Arn": made["Arn"]}
    _set_policies(call, "user")
    _set_groups(call)


def _update_user(call: Call) -> None:
    _update_principal(call, "user")
    _set_groups(call)


def _set_groups(call: Call) -> None:
    new, old = (set(side.get("Groups", [])) for side in (call.properties, call.previous))
    for group in sorted(new - old):
        call.api("iam", "add_user_to_group", GroupName=group, UserName=call.physical_id)
    for group in sorted(old - new):
        call.api("iam", "remove_user_from_group", GroupName=group, UserName=call.physical_id)


def _update_principal(call: Call, kind: str) -> None:
    principal = {_ID[kind]: call.physical_id}
    if call.changed("PermissionsBoundary"):
        if boundary := call.properties.get("PermissionsBoundary"):
            operation = f"put_{kind}_permissions_boundary"
            call.api("iam", operation, **principal, PermissionsBoundary=boundary)
        else:
            call.api("iam", f"delete_{kind}_permissions_boundary", **principal)
    _set_policies(call, kind)
    call.retag(
        lambda tags: call.api("iam", f"tag_{kind}", **principal, Tags=as_list(tags)),
        lambda keys: call.api("iam", f"untag_{kind}", **principal, TagKeys=keys),
    )


def _set_policies(call: Call, kind: str) -> None:
    """Bring inline and attached policies from `previous` to `properties`."""
    principal = {_ID[kind]: call.physical_id}
    new, old = _inline(call.properties), _inline(call.previous)
    for name, document in new.items():
        if old.get(name) != document:
            policy = {"PolicyName": name, "PolicyDocument": document}
            call.api("iam", f"put_{kind}_policy", **principal, **policy)
    for name in old.keys() - new.keys():
        call.api("iam", f"delete_{kind}_policy", **principal, PolicyName=name)
    wanted, had = (set(s.get("ManagedPolicyArns", [])) for s in (call.properties, call.previous))
    for arn in sorted(wanted - had):
        call.api("iam", f"attach_{kind}_policy", **principal, PolicyArn=arn)
    for arn in sorted(had - wanted):
        call.api("iam", f"detach_{kind}_policy", **principal, PolicyArn=arn)


def _inline(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {p["PolicyName"]: p["PolicyDocument"] for p in properties.get("Policies", [])}


def _delete_principal(call: Call, kind: str) -> None:
    """What the stack gave it goes with it; anything else attached makes AWS refuse."""
    call.previous, call.properties = call.properties, {}
    _set_policies(call, kind)
    if kind == "user":
        _set_groups(call)
    call.api("iam", f"delete_{kind}", **{_ID[kind]: call.physical_id})


def _put_policy(call: Call) -> None:
    call.physical_id = call.physical_id or call.name
    policy = {"PolicyName": call.properties["PolicyName"]}
    document = {"PolicyDocument": call.properties["PolicyDocument"]}
    for kind, name in _holders(call.properties):
        call.api("iam", f"put_{kind}_policy", **{_ID[kind]: name}, **policy, **document)
    for kind, name in _holders(call.previous) - _holders(call.properties):
        call.api("iam", f"delete_{kind}_policy", **{_ID[kind]: name}, **policy)
    call.attributes = {"Id": call.physical_id}


def _delete_policy(call: Call) -> None:
    for kind, name in _holders(call.properties):
        policy = {"PolicyName": call.properties["PolicyName"]}
        call.api("iam", f"delete_{kind}_policy", **{_ID[kind]: name}, **policy)


def _holders(properties: Mapping[str, Any]) -> set[tuple[str, str]]:
    return {(kind, name) for key, kind in _HOLDERS.items() for name in properties.get(key, [])}


def _create_managed(call: Call) -> None:
    properties = call.but("ManagedPolicyName", *_HOLDERS) | {"PolicyName": call.name}
    call.physical_id = call.api("iam", "create_policy", **properties)["Policy"]["Arn"]
    call.attributes = {"PolicyArn": call.physical_id}
    _attach_managed(call)


def _update_managed(call: Call) -> None:
    policy = {"PolicyArn": call.physical_id}
    if call.changed("PolicyDocument"):
        document = call.properties["PolicyDocument"]
        call.api(
            "iam", "create_policy_version", **policy, PolicyDocument=document, SetAsDefault=True
        )
        _prune_versions(call)
    _attach_managed(call)


def _prune_versions(call: Call) -> None:
    policy = {"PolicyArn": call.physical_id}
    for version in call.api("iam", "list_policy_versions", **policy)["Versions"]:
        if not version["IsDefaultVersion"]:
            call.api("iam", "delete_policy_version", **policy, VersionId=version["VersionId"])


def _attach_managed(call: Call) -> None:
    policy = {"PolicyArn": call.physical_id}
    new, old = _holders(call.properties), _holders(call.previous)
    for kind, name in new - old:
        call.api("iam", f"attach_{kind}_policy", **{_ID[kind]: name}, **policy)
    for kind, name in old - new:
        call.api("iam", f"detach_{kind}_policy", **{_ID[kind]: name}, **policy)


def _delete_managed(call: Call) -> None:
    call.previous, call.properties = call.properties, {}
    _attach_managed(call)
    _prune_versions(call)
    call.api("iam", "delete_policy", PolicyArn=call.physical_id)


TYPES = {
    "AWS::IAM::Role": ResourceType(
        _create_role,
        lambda call: _delete_principal(call, "role"),
        _update_role,
        immutable=frozenset({"RoleName", "Path"}),
        name="RoleName",
        name_length=64,
    ),
    "AWS::IAM::User": ResourceType(
        _create_user,
        lambda call: _delete_principal(call, "user"),
        _update_user,
        immutable=frozenset({"UserName", "Path"}),
        name="UserName",
        name_length=64,
    ),
    "AWS::IAM::Policy": ResourceType(
        _put_policy, _delete_policy, _put_policy, immutable=frozenset({"PolicyName"}), tags=""
    ),
    "AWS::IAM::ManagedPolicy": ResourceType(
        _create_managed,
        _delete_managed,
        _update_managed,
        immutable=frozenset({"ManagedPolicyName", "Path", "Description"}),
        name="ManagedPolicyName",
        name_length=128,
        tags="",
    ),
}
