"""What policies grant, one by one, and whether anything has used it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from local.policies.decision import Document, listed, statements
from local.policies.patterns import filled, matches, matches_arn

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from local.recording import Call


@dataclass(frozen=True)
class Grant:
    """One action on one resource, as a statement allows it to a principal."""

    principal: str
    action: str
    resource: str

    def covers(self, call: Call) -> bool:
        """Whether the call has used it."""
        resource = filled(self.resource, dict(call.context))
        return (
            call.principal == self.principal
            and matches(self.action, call.action, ignore_case=True)
            and resource is not None
            and matches_arn(resource, call.resource)
        )


def grants(principal: str, documents: Iterable[Document]) -> Iterator[Grant]:
    """Every pair of action and resource that the policies allow; exceptions count as `*`."""
    for statement in (s for document in documents for s in statements(document)):
        if statement["Effect"] == "Allow":
            for action in listed(statement.get("Action", "*")):
                for resource in listed(statement.get("Resource", "*")):
                    yield Grant(principal, action, resource)
