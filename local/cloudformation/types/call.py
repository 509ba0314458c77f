"""What a resource type is, and the one call of it that is under way."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from local.cloudformation.errors import ResourceError
from local.world import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass
class Call:
    """
    One resource being made, changed or deleted.

    `create` sets `physical_id` as soon as something exists, so that a failure half-way is
    cleaned up, and `attributes` for `Fn::GetAtt`.
    """

    client: Callable[[str], Any]
    region: str
    stack_id: str
    type: str
    logical_id: str
    name: str
    """The name the template gives it, else a generated one."""
    properties: Mapping[str, Any] = field(default_factory=dict)
    previous: Mapping[str, Any] = field(default_factory=dict)
    physical_id: str = ""
    attributes: dict[str, Any] = field(default_factory=dict)

    def api(self, service: str, operation: str, /, **arguments: Any) -> Any:
        """
        Call AWS with CloudFormation's properties in the form the operation wants.

        An argument the operation does not know is an error, never dropped.
        """
        client = self.client(service)
        wire_name = client.meta.method_to_api_mapping[operation]
        shape = client.meta.service_model.operation_model(wire_name).input_shape
        return getattr(client, operation)(**_fit(shape, arguments, self.type))

    def but(self, *names: str) -> dict[str, Any]:
        """The properties without some of them."""
        return {key: value for key, value in self.properties.items() if key not in names}

    def changed(self, *names: str) -> bool:
        """Whether any of these properties differs from before."""
        return any(self.properties.get(name) != self.previous.get(name) for name in names)

    def tags(self) -> dict[str, str]:
        """The tags, by key."""
        return as_map(self.properties.get("Tags"))

    def retag(
        self, add: Callable[[dict[str, str]], Any], remove: Callable[[list[str]], Any]
    ) -> None:
        """Bring the tags from `previous` to `properties`."""
        old, new = as_map(self.previous.get("Tags")), self.tags()
        if gone := [key for key in old if key not in new]:
            remove(gone)
        if fresh := {key: value for key, value in new.items() if old.get(key) != value}:
            add(fresh)

    def arn(self, service: str, resource: str) -> str:
        """An ARN in this account and region."""
        return f"arn:aws:{service}:{self.region}:{ACCOUNT}:{resource}"


@dataclass(frozen=True)
class ResourceType:
    """How resources of one type come, change and go."""

    create: Callable[[Call], None]
    delete: Callable[[Call], None]
    update: Callable[[Call], None] | None = None
    """None: any change makes a new resource."""
    immutable: frozenset[str] = frozenset()
    """Properties whose change makes a new resource, the old one being deleted afterwards."""
    name: str = ""
    """The property that names it. A name given by the template cannot be used twice, so such a
    resource cannot be replaced."""
    name_length: int = 255
    lower_case: bool = False
    versioned: bool = False
    """The name may be used again: each use makes a revision."""
    tags: Literal["list", "map", ""] = "list"
    """The form of its Tags, to which the stack's are added; empty if it takes none."""


def nothing(_: Call) -> None:
    """Delete something that ends with what it belongs to."""


def as_map(tags: Any) -> dict[str, str]:
    """Tags in either form as a mapping."""
    if isinstance(tags, list):
        return {tag["Key"]: str(tag["Value"]) for tag in tags}
    return {key: str(value) for key, value in (tags or {}).items()}


def as_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags as AWS's list of pairs."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _fit(shape: Any, value: Any, path: str) -> Any:
    """Match names whatever their case and convert scalars, guided by the API's own model."""
    if shape.type_name == "structure":
        return _fit_structure(shape, value, path)
    if shape.type_name == "list":
        items = value if isinstance(value, list) else [value]
        return [_fit(shape.member, item, f"{path}[{i}]") for i, item in enumerate(items)]
    if shape.type_name == "map":
        known = getattr(shape.key, "enum", [])
        if unknown := [key for key in value if known and key not in known]:
            raise ResourceError(f"{path}: {', '.join(unknown)} is not emulated")
        return {key: _fit(shape.value, item, f"{path}.{key}") for key, item in value.items()}
    return _SCALARS.get(shape.type_name, lambda same: same)(value)


def _fit_structure(shape: Any, value: Any, path: str) -> Any:
    if not isinstance(value, dict):
        raise ResourceError(f"{path}: expected an object, not {type(value).__name__}")
    members = {name.lower(): name for name in shape.members}
    fitted = {}
    for key, item in value.items():
        if (name := members.get(key.lower())) is None:
            raise ResourceError(f"{path}: property {key} is not emulated by the local AWS")
        if item is not None:
            fitted[name] = _fit(shape.members[name], item, f"{path}.{key}")
    return fitted


def _string(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value) if isinstance(value, dict | list) else str(value)


_SCALARS: dict[str, Callable[[Any], Any]] = {
    "boolean": lambda value: str(value).lower() == "true",
    "double": float,
    "float": float,
    "integer": int,
    "long": int,
    "string": _string,
}
