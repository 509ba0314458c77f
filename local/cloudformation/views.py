"""Stacks, resources, events and change sets as the API shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local.cloudformation.types.call import as_list

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.cloudformation.stack import Change, ChangeSet, Event, Resource, Stack, Target

_HIDDEN = "****"
_SHOW_OUTPUTS = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")


def stack(stack: Stack) -> dict[str, Any]:
    """For DescribeStacks."""
    target = stack.target
    return summary(stack) | _filled(
        {
            "Description": target.template.get("Description") if target else None,
            "Parameters": _parameters(target) if target else [],
            "Tags": as_list(target.tags) if target else [],
            "Outputs": _outputs(stack) if stack.status in _SHOW_OUTPUTS else [],
            "RollbackConfiguration": {},
            "DisableRollback": False,
            "EnableTerminationProtection": False,
            "DriftInformation": {"StackDriftStatus": "NOT_CHECKED"},
            **stack.settings,
        }
    )


def summary(stack: Stack) -> dict[str, Any]:
    """For ListStacks."""
    return _filled(
        {
            "StackId": stack.id,
            "StackName": stack.name,
            "StackStatus": stack.status,
            "StackStatusReason": stack.reason or None,
            "CreationTime": stack.created,
            "LastUpdatedTime": stack.updated,
            "DeletionTime": stack.deleted,
        }
    )


def _outputs(stack: Stack) -> list[dict[str, Any]]:
    return [
        _filled(
            {
                "OutputKey": output.key,
                "OutputValue": output.value,
                "Description": output.description or None,
                "ExportName": output.export or None,
            }
        )
        for output in stack.outputs
    ]


def _parameters(target: Target) -> list[dict[str, Any]]:
    declared = target.template.get("Parameters") or {}
    shown = []
    for name, value in target.parameters.items():
        hidden = str(declared[name].get("NoEcho", False)).lower() == "true"
        parameter = {"ParameterKey": name, "ParameterValue": _HIDDEN if hidden else value}
        if str(declared[name]["Type"]).startswith("AWS::SSM::Parameter::Value<"):
            resolved = target.values[name]
            parameter["ResolvedValue"] = (
                resolved if isinstance(resolved, str) else ",".join(resolved)
            )
        shown.append(parameter)
    return shown


def resource(stack: Stack, resource: Resource) -> dict[str, Any]:
    """For the three ways to ask for resources."""
    return _filled(
        {
            "StackId": stack.id,
            "StackName": stack.name,
            "LogicalResourceId": resource.logical_id,
            "PhysicalResourceId": resource.physical_id,
            "ResourceType": resource.type,
            "ResourceStatus": resource.status,
            "ResourceStatusReason": resource.reason or None,
            "Timestamp": resource.changed,
            "LastUpdatedTimestamp": resource.changed,
        }
    )


def event(stack: Stack, event: Event) -> dict[str, Any]:
    """For DescribeStackEvents."""
    return _filled(
        {
            "StackId": stack.id,
            "StackName": stack.name,
            "EventId": event.id,
            "LogicalResourceId": event.logical_id,
            "PhysicalResourceId": event.physical_id,
            "ResourceType": event.type,
            "ResourceStatus": event.status,
            "ResourceStatusReason": event.reason or None,
            "Timestamp": event.moment,
        }
    )


def change_set(change_set: ChangeSet) -> dict[str, Any]:
    """For DescribeChangeSet and ListChangeSets."""
    target = change_set.target
    return _filled(
        {
            "ChangeSetName": change_set.name,
            "ChangeSetId": change_set.id,
            "StackId": change_set.stack.id,
            "StackName": change_set.stack.name,
            "CreationTime": change_set.created,
            "Status": change_set.status,
            "StatusReason": change_set.reason or None,
            "ExecutionStatus": change_set.execution,
            "Parameters": _parameters(target),
            "Tags": as_list(target.tags),
            "RollbackConfiguration": {},
            "Changes": [_change(change) for change in change_set.changes],
            **change_set.settings,
        }
    )


def _change(change: Change) -> dict[str, Any]:
    modify = change.action == "Modify"
    shown = {
        "Action": change.action,
        "LogicalResourceId": change.logical_id,
        "PhysicalResourceId": change.physical_id or None,
        "ResourceType": change.type,
        "Replacement": str(change.replacement) if modify else None,
        "Scope": ["Properties"] if modify else [],
        "Details": [_detail(name, recreated=change.replacement) for name in change.properties],
    }
    return {"Type": "Resource", "ResourceChange": _filled(shown)}


def _detail(name: str, *, recreated: bool) -> dict[str, Any]:
    recreation = "Always" if recreated else "Never"
    where = {"Attribute": "Properties", "Name": name, "RequiresRecreation": recreation}
    return {"Target": where, "Evaluation": "Static", "ChangeSource": "DirectModification"}


def _filled(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}
