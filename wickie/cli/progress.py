"""How far a scan has come, for whoever watches it on a terminal."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from wickie.cli import consoles
from wickie.report.headline import count, size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def scanning(*, show: bool) -> Iterator[Callable[[int, int], None]]:
    """Show how many artifacts and bytes have been read, as one is told; nothing where piped."""
    console = consoles.progress()
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    hidden = not (show and console.is_terminal)
    with Progress(*columns, console=console, transient=True, disable=hidden) as shown:
        task = shown.add_task("scanning", total=None)
        yield lambda artifacts, amount: shown.update(
            task, description=f"scanning: {count(artifacts, 'artifact')}, {size(amount)}"
        )
