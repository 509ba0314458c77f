"""How a command writes its result: to stdout or a file, as a table or rendered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import typer
from rich.console import Console

from wickie.cli.consoles import results

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_WIDTH: Final = 200


def write(
    render: Callable[[], str] | None, show: Callable[[Console], None], file: Path | None
) -> None:
    """Write what `render` makes, else what `show` prints, to `file`, else to stdout."""
    if render and file:
        file.write_text(render())
    elif render:
        typer.echo(render(), nl=False)
    elif file:
        with file.open("w") as opened:
            show(Console(file=opened, highlight=False, width=_WIDTH))
    else:
        show(results())
