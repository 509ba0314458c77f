"""Every stack and change set of one local AWS."""

from __future__ import annotations

import threading
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from local.cloudformation.errors import TemplateError
from local.cloudformation.stack import Stack
from local.world import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.cloudformation.stack import ChangeSet, Output
    from local.world import World


@dataclass
class Store:
    """Finds stacks by name, id or export."""

    world: World
    stacks: list[Stack] = field(default_factory=list)
    change_sets: list[ChangeSet] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)
    answers: dict[str, Any] = field(default_factory=dict)
    """What custom resources answered, by request id."""
    answered: threading.Condition = field(default_factory=threading.Condition)

    def living(self, region: str) -> Iterator[Stack]:
        """Stacks that are not deleted."""
        return (s for s in list(self.stacks) if s.region == region and not s.deleted)

    def find(self, name_or_id: str, region: str) -> Stack | None:
        """By name among the living, by id among all."""
        living = (s for s in self.living(region) if s.name == name_or_id)
        return next(living, None) or next((s for s in self.stacks if s.id == name_or_id), None)

    def get(self, name_or_id: str, region: str) -> Stack:
        """As `find`, but it must exist."""
        if (stack := self.find(name_or_id, region)) is None:
            raise TemplateError(f"Stack with id {name_or_id} does not exist")
        return stack

    def add(self, name: str, region: str) -> Stack:
        """Make an empty stack."""
        stack = Stack(arn("stack", name, region), name, region)
        self.stacks.append(stack)
        return stack

    def change_set(self, name_or_id: str, stack: str, region: str) -> ChangeSet | None:
        """By id, or by name and stack: names repeat from stack to stack."""
        for change_set in reversed(self.change_sets):
            of_stack = not stack or stack in (change_set.stack.name, change_set.stack.id)
            by_name = change_set.name == name_or_id and change_set.stack.region == region
            if change_set.id == name_or_id or (by_name and of_stack):
                return change_set
        return None

    def exports(self, region: str) -> Iterator[tuple[Stack, Output]]:
        """Every exported output."""
        return (
            (stack, output)
            for stack in self.living(region)
            for output in stack.outputs
            if output.export
        )

    def importers(self, export: str, region: str) -> list[Stack]:
        """Stacks that use an export."""
        return [stack for stack in self.living(region) if export in stack.imports]


def arn(kind: str, name: str, region: str) -> str:
    """A new ARN for a stack or a change set."""
    return f"arn:aws:cloudformation:{region}:{ACCOUNT}:{kind}/{name}/{uuid.uuid4()}"
