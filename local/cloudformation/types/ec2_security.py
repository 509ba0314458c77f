"""AWS::EC2: security groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local.cloudformation.types.call import ResourceType
from local.cloudformation.types.ec2 import refuse_if_functions_use, retag

if TYPE_CHECKING:
    from local.cloudformation.types.call import Call

_RULES = {"SecurityGroupIngress": "ingress", "SecurityGroupEgress": "egress"}
_EVERYWHERE = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
_PEERS = {
    "CidrIp": ("IpRanges", "CidrIp"),
    "CidrIpv6": ("Ipv6Ranges", "CidrIpv6"),
    "DestinationPrefixListId": ("PrefixListIds", "PrefixListId"),
    "DestinationSecurityGroupId": ("UserIdGroupPairs", "GroupId"),
    "SourcePrefixListId": ("PrefixListIds", "PrefixListId"),
    "SourceSecurityGroupId": ("UserIdGroupPairs", "GroupId"),
}


def _create_group(call: Call) -> None:
    properties = call.but(*_RULES, "GroupDescription", "GroupName", "Tags")
    description = call.properties["GroupDescription"]
    made = call.api(
        "ec2", "create_security_group", **properties, GroupName=call.name, Description=description
    )
    group = call.physical_id = made["GroupId"]
    call.attributes = {"GroupId": group, "Id": group, "VpcId": call.properties.get("VpcId", "")}
    if call.properties.get("SecurityGroupEgress"):  # then AWS leaves out the rule that lets all out
        _change(call, "revoke", "egress", _EVERYWHERE)
    _update_group(call)


def _delete_group(call: Call) -> None:
    refuse_if_functions_use(call)
    call.api("ec2", "delete_security_group", GroupId=call.physical_id)


def _update_group(call: Call) -> None:
    for name, direction in _RULES.items():
        new, old = ([_rule(r) for r in s.get(name) or []] for s in (call.properties, call.previous))
        _change(call, "revoke", direction, [rule for rule in old if rule not in new])
        _change(call, "authorize", direction, [rule for rule in new if rule not in old])
    retag(call)


def _change(call: Call, verb: str, direction: str, rules: list[dict[str, Any]]) -> None:
    if rules:
        operation = f"{verb}_security_group_{direction}"
        call.api("ec2", operation, GroupId=call.physical_id, IpPermissions=rules)


def _rule(rule: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    about = {"Description": rule["Description"]} if "Description" in rule else {}
    for key, value in rule.items():
        if key in _PEERS:
            where, name = _PEERS[key]
            made.setdefault(where, []).append({name: value, **about})
        elif key not in {"Description", "GroupId"}:
            made[key] = value
    return made


def _add_rule(call: Call, direction: str) -> None:
    call.physical_id = call.properties["GroupId"]
    _change(call, "authorize", direction, [_rule(dict(call.properties))])
    call.physical_id = call.name


def _remove_rule(call: Call, direction: str) -> None:
    call.physical_id = call.properties["GroupId"]
    _change(call, "revoke", direction, [_rule(dict(call.properties))])


TYPES = {
    "AWS::EC2::SecurityGroup": ResourceType(
        _create_group,
        _delete_group,
        _update_group,
        immutable=frozenset({"GroupDescription", "GroupName", "VpcId"}),
        name="GroupName",
    ),
    "AWS::EC2::SecurityGroupIngress": ResourceType(
        lambda call: _add_rule(call, "ingress"),
        lambda call: _remove_rule(call, "ingress"),
        tags="",
    ),
    "AWS::EC2::SecurityGroupEgress": ResourceType(
        lambda call: _add_rule(call, "egress"),
        lambda call: _remove_rule(call, "egress"),
        tags="",
    ),
}
