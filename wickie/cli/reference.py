"""docs/cli.md, written from the commands themselves: `python -m wickie.cli.reference`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from typer.main import get_command

from wickie.cli import app

if TYPE_CHECKING:
    from collections.abc import Iterator

_WIDTH: Final = 90
_HEAD: Final = """\
# wickie on the command line

This page is written by `python -m wickie.cli.reference > docs/cli.md`; a test compares the two.

Results go to stdout, everything else to stderr. An error is one line that names the thing and the
remedy, `wickie: error: …`; `--verbose`, anywhere on the line, adds the traceback. What else was
asked for is still done. Ctrl-C ends a command with 130.

| exit code | meaning |
|---|---|
| 0 | clean: everything was read; every secret rotated |
| 1 | error, or not everything could be read; with findings, 10 or 11 comes first |
| 2 | the command line is not understood |
| 10 | findings |
| 11 | a finding that is live, or a managed secret |

AWS is found as by any AWS program: `AWS_PROFILE`, `AWS_REGION`, `AWS_ENDPOINT_URL` and so on.
"""


def reference() -> str:
    """The whole page, ending in a newline."""
    return "\n".join([_HEAD, *_sections(get_command(app), "wickie")])


def _sections(command: Any, name: str, parent: Any = None) -> Iterator[str]:
    """A section per command that does something; typer has no public name for these classes."""
    context = command.context_class(
        command, info_name=name, parent=parent, terminal_width=_WIDTH, max_content_width=_WIDTH
    )
    if parent is None or not hasattr(command, "commands"):
        yield f"## {context.command_path}\n\n```text\n{command.get_help(context).strip()}\n```\n"
    for child_name, child in getattr(command, "commands", {}).items():
        yield from _sections(child, child_name, context)


if __name__ == "__main__":
    sys.stdout.write(reference())
