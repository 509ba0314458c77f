"""Stacks, their resources, events and change sets: what CloudFormation remembers."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

STACK_TYPE = "AWS::CloudFormation::Stack"


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Resource:
    """A resource as it was last deployed. Properties hold dynamic references unresolved."""

    logical_id: str
    type: str
    physical_id: str
    properties: Mapping[str, Any]
    attributes: Mapping[str, Any]
    needs: frozenset[str] = frozenset()
    deletion_policy: str = "Delete"
    replace_policy: str = "Delete"
    status: str = "CREATE_COMPLETE"
    reason: str = ""
    changed: datetime = field(default_factory=_now)


@dataclass(frozen=True)
class Output:
    """A value that a stack shows, and exports if it has an export name."""

    key: str
    value: str
    description: str = ""
    export: str = ""


@dataclass(frozen=True)
class Event:
    """One line of what the console shows."""

    logical_id: str
    physical_id: str
    type: str
    status: str
    reason: str = ""
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    moment: datetime = field(default_factory=_now)


@dataclass(frozen=True)
class Target:
    """What a stack is to become, or has become."""

    body: str
    template: Mapping[str, Any]
    parameters: Mapping[str, str]
    """As given; an SSM-typed one is the name of the SSM parameter."""
    values: Mapping[str, Any]
    """As the template sees them."""
    tags: Mapping[str, str]


@dataclass
class Stack:
    """One stack; it exists from its first change set on."""

    id: str
    name: str
    region: str
    status: str = "REVIEW_IN_PROGRESS"
    reason: str = ""
    target: Target | None = None
    resources: dict[str, Resource] = field(default_factory=dict)
    outputs: tuple[Output, ...] = ()
    imports: frozenset[str] = frozenset()
    events: list[Event] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    """RoleARN, Capabilities, NotificationARNs, ...: kept and shown, of no effect here."""
    created: datetime = field(default_factory=_now)
    updated: datetime | None = None
    deleted: datetime | None = None

    def enter(self, status: str, reason: str = "") -> None:
        """Take on a status, visibly."""
        self._tell(self.name, self.id, STACK_TYPE, status, reason)
        self.reason = reason
        if status == "DELETE_COMPLETE":
            self.deleted = _now()
        elif status == "UPDATE_IN_PROGRESS":
            self.updated = _now()
        self.status = status  # last: whoever polls the status must find the rest in place

    def note(self, resource: Resource, status: str, reason: str = "") -> None:
        """Record what happens to a resource."""
        self._tell(resource.logical_id, resource.physical_id, resource.type, status, reason)

    def _tell(self, name: str, physical_id: str, kind: str, status: str, reason: str) -> None:
        """Append an event a millisecond or more after the last: clients sort them by time."""
        last = self.events[-1].moment if self.events else self.created
        moment = max(_now(), last + timedelta(milliseconds=1))
        self.events.append(Event(name, physical_id, kind, status, reason, moment=moment))


@dataclass(frozen=True)
class Change:
    """What executing a change set does to one resource."""

    action: str
    logical_id: str
    type: str
    physical_id: str = ""
    replacement: bool = False
    properties: tuple[str, ...] = ()


@dataclass
class ChangeSet:
    """A target and what it means for the stack's resources."""

    id: str
    name: str
    type: str
    stack: Stack
    target: Target
    changes: tuple[Change, ...]
    settings: dict[str, Any]
    status: str = "CREATE_COMPLETE"
    reason: str = ""
    execution: str = "AVAILABLE"
    created: datetime = field(default_factory=_now)
