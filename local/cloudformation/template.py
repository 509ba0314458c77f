"""A template as text, in either of CloudFormation's two languages, and the order it implies."""

from __future__ import annotations

import json
import re
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Any

import yaml

from local.cloudformation.errors import TemplateError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Template = Mapping[str, Any]

_FULL_NAMES = {"Ref": "Ref", "Condition": "Condition"}
_PLACEHOLDER = re.compile(r"\$\{([^!{}][^{}]*)\}")
_TIMESTAMP = "tag:yaml.org,2002:timestamp"


class _Loader(yaml.SafeLoader):
    """YAML 1.1 but for dates: `AWSTemplateFormatVersion: 2010-09-09` is a string."""

    yaml_implicit_resolvers = {  # noqa: RUF012  (pyyaml's own attribute)
        first: [(tag, pattern) for tag, pattern in resolvers if tag != _TIMESTAMP]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def _short_form(loader: Any, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {_FULL_NAMES.get(suffix, f"Fn::{suffix}"): value}


_Loader.add_multi_constructor("!", _short_form)


def parse(body: str) -> dict[str, Any]:
    """Read a template; it must have resources."""
    try:
        read = json.loads(body) if body.lstrip().startswith("{") else yaml.load(body, _Loader)  # noqa: S506
    except (ValueError, yaml.YAMLError) as error:
        raise TemplateError(f"Template format error: {error}") from None
    if not isinstance(read, dict) or not isinstance(read.get("Resources"), dict):
        raise TemplateError("Template format error: At least one Resources member must be defined.")
    return read


def needs(definition: Mapping[str, Any], names: Iterable[str]) -> frozenset[str]:
    """Which of `names` a resource refers to or depends on."""
    depends_on = definition.get("DependsOn") or []
    explicit = {depends_on} if isinstance(depends_on, str) else set(depends_on)
    return frozenset((explicit | _references(definition.get("Properties"))) & set(names))


def _references(node: Any) -> set[str]:
    if isinstance(node, list):
        return set().union(*map(_references, node))
    if not isinstance(node, dict):
        return set()
    found = set().union(*map(_references, node.values()))
    if isinstance(name := node.get("Ref"), str):
        found.add(name)
    if attribute := node.get("Fn::GetAtt"):
        found.add(str(attribute[0]) if isinstance(attribute, list) else attribute.split(".")[0])
    if substitute := node.get("Fn::Sub"):
        text = substitute if isinstance(substitute, str) else substitute[0]
        found.update(name.split(".")[0] for name in _PLACEHOLDER.findall(text))
    return found


def ordered(graph: Mapping[str, Iterable[str]]) -> list[str]:
    """Every name after the names it needs."""
    try:
        return list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        circle = ", ".join(dict.fromkeys(error.args[1]))
        raise TemplateError(f"Circular dependency between resources: [{circle}]") from None
