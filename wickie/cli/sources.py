"""docs/sources.md, written from the registry: `python -m wickie.cli.sources`."""

from __future__ import annotations

import sys
from importlib.resources import files
from typing import TYPE_CHECKING, Final, get_args

from wickie.cli.markdown import codes, head, row
from wickie.config import Target
from wickie.scan.sources import SOURCES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_TEMPLATE: Final = "sources.md"
"""Beside this module: the page's prose, with a marker where the table goes."""


def page() -> str:
    """The whole page, ending in a newline."""
    text = files(__package__).joinpath(_TEMPLATE).read_text(encoding="utf-8")
    return text.replace("<!-- sources -->", "\n".join(_sources()))


def _sources() -> Iterator[str]:
    options = _options()
    yield from head("kind", "reads", "options", "IAM permissions", "unchanged by")
    for name, kind in SOURCES.items():
        cells = codes(options[name]), codes(kind.permissions), kind.unchanged
        yield row(f"`{name}`", kind.reads, *cells)


def _options() -> Mapping[str, Sequence[str]]:
    """What wickie.yaml may say of each kind of target."""
    union, _discriminator = get_args(Target)
    return {
        kind: [option for option in model.model_fields if option != "kind"]
        for model in get_args(union)
        for kind in get_args(model.model_fields["kind"].annotation)
    }


if __name__ == "__main__":
    sys.stdout.write(page())
