"""One resource at a time: what a template wants of it, and the calls that make it so."""

from __future__ import annotations

import re
import secrets
import string
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from local.cloudformation import dynamic
from local.cloudformation.errors import GoneError, ResourceError
from local.cloudformation.registry import resource_type
from local.cloudformation.stack import Resource
from local.cloudformation.types.call import Call, as_list, as_map

if TYPE_CHECKING:
    from local.cloudformation.scope import Scope
    from local.cloudformation.stack import Stack
    from local.cloudformation.store import Store
    from local.cloudformation.types.call import ResourceType

_GONE = re.compile(r"NotFound|NoSuch|NonExistent|DoesNotExist")
_SUFFIX = string.ascii_uppercase + string.digits


def wanted(scope: Scope, logical_id: str, store: Store) -> Resource:
    """The resource that the template describes, without a physical id yet."""
    definition = scope.target.template["Resources"][logical_id]
    kind = resource_type(definition["Type"], store)
    properties = scope.value(definition.get("Properties") or {})
    if kind.tags and scope.target.tags:
        tags = {**scope.target.tags, **as_map(properties.get("Tags"))}
        properties["Tags"] = as_list(tags) if kind.tags == "list" else tags
    return Resource(
        logical_id=logical_id,
        type=definition["Type"],
        physical_id="",
        properties=properties,
        attributes={},
        deletion_policy=definition.get("DeletionPolicy", "Delete"),
        replace_policy=definition.get("UpdateReplacePolicy", "Delete"),
    )


def must_replace(old: Resource, new: Resource, kind: ResourceType) -> bool:
    """Whether the way from `old` to `new` is a new resource."""
    if old.type != new.type or kind.update is None:
        return True
    return any(old.properties.get(p) != new.properties.get(p) for p in kind.immutable)


@dataclass(frozen=True)
class Resources:
    """Makes, changes and deletes the resources of a stack, leaving a trail of events."""

    store: Store
    stack: Stack

    def create(self, new: Resource) -> Resource:
        """Make it."""
        self.stack.note(new, "CREATE_IN_PROGRESS")
        kind = resource_type(new.type, self.store)
        call = self._call(new, kind)
        try:
            self._run(kind.create, call)
        except ResourceError as error:
            failed = _made(new, call, "CREATE_FAILED", str(error))
            self.stack.note(failed, "CREATE_FAILED", str(error))
            self.stack.resources[new.logical_id] = failed
            raise
        made = _made(new, call, "CREATE_COMPLETE")
        self.stack.note(made, "CREATE_COMPLETE")
        return made

    def update(self, old: Resource, new: Resource) -> Resource:
        """Change it in place. A custom resource may come back with another physical id."""
        kind = resource_type(new.type, self.store)
        call = self._call(new, kind)
        call.previous = dynamic.resolve(dict(old.properties), self._client)
        call.physical_id, call.attributes = old.physical_id, dict(old.attributes)
        self.stack.note(old, "UPDATE_IN_PROGRESS")
        try:
            self._run(kind.update or kind.create, call)
        except ResourceError as error:
            self.stack.note(old, "UPDATE_FAILED", str(error))
            self.stack.resources[new.logical_id] = _made(new, call, "UPDATE_FAILED", str(error))
            raise
        made = _made(new, call, "UPDATE_COMPLETE")
        self.stack.note(made, "UPDATE_COMPLETE")
        return made

    def replace(self, old: Resource, new: Resource) -> Resource:
        """Make another one; the old one is deleted when the whole update has succeeded."""
        kind = resource_type(new.type, self.store)
        own_name = new.properties.get(kind.name) if kind.name else None
        same = old.type == new.type and own_name == old.properties.get(kind.name)
        if own_name and same and not kind.versioned:
            error = (
                "CloudFormation cannot update a stack when a custom-named resource requires "
                f"replacing. Rename {own_name} and update the stack again."
            )
            self.stack.note(old, "UPDATE_FAILED", error)
            raise ResourceError(error)
        self.stack.note(
            old, "UPDATE_IN_PROGRESS", "Requested update requires the creation of a new resource"
        )
        return replace(self.create(new), status="UPDATE_COMPLETE")

    def delete(self, old: Resource, policy: str) -> None:
        """Delete it, unless its policy says to keep it. One that is gone already is fine."""
        if policy == "Retain" or not old.physical_id:
            self.stack.note(old, "DELETE_SKIPPED" if old.physical_id else "DELETE_COMPLETE")
            return
        self.stack.note(old, "DELETE_IN_PROGRESS")
        kind = resource_type(old.type, self.store)
        call = self._call(old, kind)
        call.physical_id, call.attributes = old.physical_id, dict(old.attributes)
        try:
            self._run(kind.delete, call)
        except GoneError:
            pass
        except ResourceError as error:
            self.stack.note(old, "DELETE_FAILED", str(error))
            raise
        self.stack.note(old, "DELETE_COMPLETE")

    @property
    def _client(self) -> Any:
        return partial(_client, self.store, self.stack.region)

    def _call(self, resource: Resource, kind: ResourceType) -> Call:
        name = resource.properties.get(kind.name) if kind.name else None
        return Call(
            client=self._client,
            region=self.stack.region,
            stack_id=self.stack.id,
            type=resource.type,
            logical_id=resource.logical_id,
            name=str(name or _generated(self.stack.name, resource.logical_id, kind)),
            properties=resource.properties,
        )

    def _run(self, action: Any, call: Call) -> None:
        try:
            call.properties = dynamic.resolve(dict(call.properties), self._client)
            action(call)
        except ClientError as error:
            code, message = (str(error.response["Error"].get(k, "")) for k in ("Code", "Message"))
            kind = GoneError if _GONE.search(code) else ResourceError
            raise kind(f"{message} ({code})") from error
        except ResourceError:
            raise
        except Exception as error:  # a bug in a type fails its stack, not the server's thread
            raise ResourceError(f"{type(error).__name__}: {error}") from error


def _client(store: Store, region: str, service: str) -> Any:
    return store.world.client(service, region)


def _generated(stack: str, logical_id: str, kind: ResourceType) -> str:
    suffix = "".join(secrets.choice(_SUFFIX) for _ in range(12))
    logical_id = logical_id[: max(kind.name_length - len(suffix) - 8, 1)]
    room = kind.name_length - len(suffix) - len(logical_id) - 2
    name = "-".join(part for part in (stack[: max(room, 0)].strip("-"), logical_id, suffix) if part)
    return name.lower() if kind.lower_case else name


def _made(new: Resource, call: Call, status: str, reason: str = "") -> Resource:
    return replace(
        new,
        physical_id=call.physical_id,
        attributes=call.attributes,
        status=status,
        reason=reason,
    )
