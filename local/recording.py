"""What deployed code has asked of the local AWS: whose call it was, what it takes, on what."""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True)
class Call:
    """A call, as IAM would judge it; the same call made twice is one of these."""

    principal: str
    """The role's ARN, or the user's."""
    session: str
    """Of a function its name, of a task its id."""
    operation: str
    """As the API calls it: `s3:ListObjectsV2`."""
    action: str
    """As IAM calls it: `s3:ListBucket`."""
    resource: str
    context: tuple[tuple[str, tuple[str, ...]], ...]
    """Condition keys in lower case, with their values."""


@dataclass
class Calls:
    """Every call by a role or a user of an account; what its root does is asked of no policy."""

    _counts: dict[Call, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, call: Call) -> None:
        """Count one more of this call."""
        with self._lock:
            self._counts[call] = self._counts.get(call, 0) + 1

    def extend(self, calls: Iterable[Call]) -> None:
        """Count each of them."""
        for call in calls:
            self.add(call)

    def as_json(self) -> list[dict[str, Any]]:
        """All of them, in the order in which each was first made."""
        with self._lock:
            counts = list(self._counts.items())
        return [{**asdict(call), "count": count} for call, count in counts]


def unread(what: str) -> Call:
    """Stands for a request of which nobody knows what it takes."""
    return Call("", "", what, "", "", ())


def from_json(document: list[dict[str, Any]]) -> list[Call]:
    """What `as_json` wrote, or `GET /local/calls` answered."""
    return [
        Call(
            **{name: each[name] for name in ("principal", "session", "operation", "action")},
            resource=each["resource"],
            context=tuple((key, tuple(values)) for key, values in each["context"]),
        )
        for each in document
    ]
