"""What a target means for a stack's resources: computed for a preview, repeated for real."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from local.cloudformation.registry import resource_type
from local.cloudformation.resources import must_replace, wanted
from local.cloudformation.scope import LATER, Scope
from local.cloudformation.stack import Change, Output
from local.cloudformation.template import needs, ordered

if TYPE_CHECKING:
    from local.cloudformation.stack import Resource, Stack, Target
    from local.cloudformation.store import Store


class _Unknown(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return LATER


@dataclass(frozen=True)
class Plan:
    """The resources that a target has, in the order in which they can be made."""

    order: tuple[str, ...]
    needs: dict[str, frozenset[str]] = field(default_factory=dict)


def plan(scope: Scope) -> Plan:
    """Order the resources whose conditions hold."""
    definitions = scope.target.template["Resources"]
    active = {name: d for name, d in definitions.items() if scope.active(d)}
    graph = {name: needs(definition, active) for name, definition in active.items()}
    return Plan(tuple(ordered(graph)), graph)


def outputs(scope: Scope) -> tuple[Output, ...]:
    """The outputs of a target whose resources are there."""
    declared = scope.target.template.get("Outputs") or {}
    return tuple(
        Output(
            key,
            str(scope.value(output["Value"])),
            str(output.get("Description", "")),
            str(scope.value(output.get("Export", {}).get("Name", ""))),
        )
        for key, output in declared.items()
        if scope.active(output)
    )


def preview(store: Store, stack: Stack, target: Target) -> tuple[Change, ...]:
    """The changes that the target would bring."""
    resources = dict(stack.resources)
    scope = Scope(store, stack, target, resources)
    order = plan(scope).order
    changes = []
    for logical_id in order:
        new, old = wanted(scope, logical_id, store), stack.resources.get(logical_id)
        if old is None:
            changes.append(Change("Add", logical_id, new.type))
            resources[logical_id] = _unknown(new)
        elif new.properties != old.properties or new.type != old.type:
            change = _modify(old, new, store)
            changes.append(change)
            if change.replacement:
                resources[logical_id] = _unknown(new)
    outputs(scope)
    removed = [old for name, old in stack.resources.items() if name not in order]
    changes += [Change("Remove", old.logical_id, old.type, old.physical_id) for old in removed]
    return tuple(changes)


def _unknown(new: Resource) -> Resource:
    return replace(new, physical_id=LATER, attributes=_Unknown())


def _modify(old: Resource, new: Resource, store: Store) -> Change:
    names = {*old.properties, *new.properties}
    different = [name for name in names if old.properties.get(name) != new.properties.get(name)]
    replacement = must_replace(old, new, resource_type(new.type, store))
    return Change(
        "Modify", new.logical_id, new.type, old.physical_id, replacement, tuple(sorted(different))
    )
