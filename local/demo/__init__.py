"""`make demo`: the whole loop on this machine, with nothing staged but the leak."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from rich.console import Console

if TYPE_CHECKING:
    from pathlib import Path

_WIDTH: Final = 150
"""Where the output goes to a file and no terminal says how wide it is."""


def main(*, keep: bool = False, folder: Path | None = None) -> int:
    """
    Run the demo and return the process's exit code.

    `keep` leaves everything running until Ctrl-C; results go to `folder`, else `build/demo`.
    """
    # `wickie --help` must not load servers.
    from local.demo.stage import FOLDER, Stage, StageError  # noqa: PLC0415
    from local.demo.story import Story  # noqa: PLC0415

    console = Console(highlight=False, width=None if sys.stdout.isatty() else _WIDTH)
    try:
        return Story(console).tell(Stage(folder or FOLDER), keep=keep)
    except (StageError, TimeoutError) as error:
        console.print(f"the demo broke off: {error}", style="red", markup=False)
        return 1
    except KeyboardInterrupt:
        console.print("\nstopped; nothing is left running")
        return 130
