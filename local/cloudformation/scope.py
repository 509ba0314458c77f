"""The intrinsic functions: what the names in a template mean for one stack."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from local.cloudformation.errors import TemplateError
from local.world import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from local.cloudformation.stack import Resource, Stack, Target
    from local.cloudformation.store import Store

NO_VALUE = object()
LATER = "{{changeSet:KNOWN_AFTER_APPLY}}"
"""Stands for what is not known before a change set is executed, as in AWS's own previews."""
_VARIABLE = re.compile(r"\$\{([^{}]+)\}")


@dataclass
class Scope:
    """Evaluates the values of one target's template; `resources` grows as they are made."""

    store: Store
    stack: Stack
    target: Target
    resources: Mapping[str, Resource] = field(default_factory=dict)
    imports: set[str] = field(default_factory=set)

    def value(self, node: Any) -> Any:
        """What a node stands for. `AWS::NoValue` removes the key or item that holds it."""
        if isinstance(node, list):
            return [v for item in node if (v := self.value(item)) is not NO_VALUE]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            name, argument = next(iter(node.items()))
            if function := _FUNCTIONS.get(name):
                return self._call(name, function, argument)
        evaluated = {key: self.value(item) for key, item in node.items()}
        return {key: value for key, value in evaluated.items() if value is not NO_VALUE}

    def _call(self, name: str, function: Callable[[Scope, Any], Any], argument: Any) -> Any:
        try:
            return function(self, argument)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            raise TemplateError(f"Template error: {name} of {argument}: {error}") from error

    def active(self, definition: Mapping[str, Any]) -> bool:
        """Whether a resource or output exists under the template's conditions."""
        name = definition.get("Condition")
        return name is None or self.condition(name)

    def condition(self, name: str) -> bool:
        """The truth of a named condition."""
        conditions = self.target.template.get("Conditions") or {}
        if name not in conditions:
            raise TemplateError(f"Template error: unresolved condition dependency {name}")
        return self.truth(conditions[name])

    def truth(self, node: Any) -> bool:
        """Evaluate a condition, or a rule's assertion."""
        if isinstance(node, bool):
            return node
        (name, argument) = next(iter(node.items()))
        if name == "Condition":
            return self.condition(argument)
        if name not in _TESTS:
            raise TemplateError(f"Template error: condition function {name} is not emulated")
        return _TESTS[name](self, argument)

    def check_rules(self) -> None:
        """Refuse a target whose rules do not hold."""
        for rule in (self.target.template.get("Rules") or {}).values():
            if "RuleCondition" in rule and not self.truth(rule["RuleCondition"]):
                continue
            for assertion in rule["Assertions"]:
                if not self.truth(assertion["Assert"]):
                    raise TemplateError(str(assertion.get("AssertDescription", "Rule violated")))

    def ref(self, name: str) -> Any:
        """`Ref`."""
        if name in self.target.values:
            return self.target.values[name]
        if name in self.resources:
            return self.resources[name].physical_id
        if name in _PSEUDO:
            return _PSEUDO[name](self.stack)
        raise TemplateError(f"Unresolved resource dependencies [{name}] in the template")

    def attribute(self, name: str, attribute: str) -> Any:
        """`Fn::GetAtt`."""
        if name not in self.resources:
            raise TemplateError(f"Unresolved resource dependencies [{name}] in the template")
        resource = self.resources[name]
        try:
            return resource.attributes[attribute]
        except KeyError:
            raise TemplateError(
                f"{resource.type} has no attribute {attribute} (Fn::GetAtt of {name})"
            ) from None


_PSEUDO: dict[str, Callable[[Stack], Any]] = {
    "AWS::AccountId": lambda _: ACCOUNT,
    "AWS::NoValue": lambda _: NO_VALUE,
    "AWS::NotificationARNs": lambda stack: stack.settings.get("NotificationARNs", []),
    "AWS::Partition": lambda _: "aws",
    "AWS::Region": lambda stack: stack.region,
    "AWS::StackId": lambda stack: stack.id,
    "AWS::StackName": lambda stack: stack.name,
    "AWS::URLSuffix": lambda _: "amazonaws.com",
}


def _get_att(scope: Scope, argument: Any) -> Any:
    parts = argument.split(".", 1) if isinstance(argument, str) else scope.value(argument)
    return scope.attribute(parts[0], ".".join(parts[1:]))


def _if(scope: Scope, argument: Any) -> Any:
    name, then, otherwise = argument
    return scope.value(then if scope.condition(name) else otherwise)


def _sub(scope: Scope, argument: Any) -> str:
    text, own = (argument, {}) if isinstance(argument, str) else argument

    def replace(match: re.Match[str]) -> str:
        name = match[1].strip()
        if name.startswith("!"):
            return f"${{{name[1:]}}}"
        if name in own:
            return str(scope.value(own[name]))
        return str(_get_att(scope, name) if "." in name else scope.ref(name))

    return _VARIABLE.sub(replace, text)


def _join(scope: Scope, argument: Any) -> Any:
    return argument[0].join(str(item) for item in scope.value(argument[1]))


def _split(scope: Scope, argument: Any) -> Any:
    return scope.value(argument[1]).split(argument[0])


def _select(scope: Scope, argument: Any) -> Any:
    items = scope.value(argument[1])
    if LATER in items:
        return LATER
    index = int(scope.value(argument[0]))
    if index >= len(items):
        raise TemplateError(f"Fn::Select cannot select index {index} of {len(items)} values")
    return items[index]


def _find_in_map(scope: Scope, argument: Any) -> Any:
    name, *path = scope.value(argument)
    found = (scope.target.template.get("Mappings") or {}).get(name, {})
    for key in path:
        if key not in found:
            raise TemplateError(f"Template error: Unable to get mapping for {name}::{path}")
        found = found[key]
    return found


def _import_value(scope: Scope, argument: Any) -> Any:
    name = scope.value(argument)
    for _, output in scope.store.exports(scope.stack.region):
        if output.export == name:
            scope.imports.add(name)
            return output.value
    raise TemplateError(f"No export named {name} found.")


def _get_stack_output(scope: Scope, argument: Any) -> Any:
    wanted = scope.value(argument)
    stack = scope.store.get(wanted["StackName"], wanted.get("Region") or scope.stack.region)
    for output in stack.outputs:
        if output.key == wanted["OutputName"]:
            return output.value
    raise TemplateError(f"Output {wanted['OutputName']} not found in stack {stack.name}")


def _get_azs(scope: Scope, argument: Any) -> Any:
    region = scope.value(argument) or scope.stack.region
    zones = scope.store.world.client("ec2", region).describe_availability_zones()
    return [zone["ZoneName"] for zone in zones["AvailabilityZones"]]


def _base64(scope: Scope, argument: Any) -> str:
    return base64.b64encode(str(scope.value(argument)).encode()).decode()


_FUNCTIONS: dict[str, Callable[[Scope, Any], Any]] = {
    "Ref": Scope.ref,
    "Fn::Base64": _base64,
    "Fn::FindInMap": _find_in_map,
    "Fn::GetAZs": _get_azs,
    "Fn::GetAtt": _get_att,
    "Fn::GetStackOutput": _get_stack_output,
    "Fn::If": _if,
    "Fn::ImportValue": _import_value,
    "Fn::Join": _join,
    "Fn::Length": lambda scope, argument: len(scope.value(argument)),
    "Fn::Select": _select,
    "Fn::Split": _split,
    "Fn::Sub": _sub,
    "Fn::ToJsonString": lambda scope, argument: json.dumps(scope.value(argument)),
}


def _equals(scope: Scope, argument: Any) -> bool:
    left, right = (_text(scope.value(side)) for side in argument)
    return bool(left == right)


def _text(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else str(value)


_TESTS: dict[str, Callable[[Scope, Any], bool]] = {
    "Fn::And": lambda scope, argument: all(map(scope.truth, argument)),
    "Fn::Contains": lambda scope, argument: scope.value(argument[1]) in scope.value(argument[0]),
    "Fn::Equals": _equals,
    "Fn::Not": lambda scope, argument: not scope.truth(argument[0]),
    "Fn::Or": lambda scope, argument: any(map(scope.truth, argument)),
}
