"""Tables of the pages that are written from registries."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def head(*titles: str) -> Iterator[str]:
    """The two lines that a table starts with."""
    yield row(*titles)
    yield row(*("---" for _ in titles))


def row(*cells: str) -> str:
    """One line of a table; what is empty is `none`."""
    return f"| {' | '.join(cell or 'none' for cell in cells)} |"


def codes(names: Iterable[str]) -> str:
    """Names as they are typed."""
    return ", ".join(f"`{name}`" for name in names)
