"""What an AWS API lists: most places where credentials leak are that, and no more."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wickie.scan.sources.reading import reading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wickie.model import Gap
    from wickie.scan.chunk import Artifact


@dataclass(frozen=True)
class Listing:
    """A source of what a function lists."""

    kind: str
    prefix: str
    permissions: tuple[str, ...]
    read: Callable[[], Iterator[Artifact | Gap]] = field(repr=False)

    @property
    def uri(self) -> str:
        """See `Source`."""
        return f"{self.kind}:{self.prefix}*"

    def artifacts(self) -> Iterator[Artifact | Gap]:
        """See `Source`."""
        with reading(self.uri, self.permissions):
            yield from self.read()
