"""How what AWS describes becomes texts that a detector understands, each with where it stands."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_PAIRS: Final = (("name", "value"), ("Name", "Value"), ("key", "value"), ("Key", "Value"))


def leaves(part: str, value: Any) -> Iterator[tuple[str, str]]:
    """
    Every text in a part of a reply, as `name=value` and by its path.

    An environment reads alike whether AWS has it as a mapping or as a list of names and values;
    the words of a command are one text.
    """
    if isinstance(value, str):
        yield part, f"{part.rpartition('/')[2]}={value}"
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from leaves(f"{part}/{name}", inner)
    elif isinstance(value, list):
        if all(isinstance(each, str) for each in value):
            yield from leaves(part, " ".join(value))
        else:
            for number, each in enumerate(value):
                name, inner = _named(number, each)
                yield from leaves(f"{part}/{name}", inner)


def _named(number: int, item: Any) -> tuple[str, Any]:
    for name, value in _PAIRS:
        if isinstance(item, Mapping) and name in item and value in item:
            return item[name], item[value]
    return str(number), item


def script(encoded: str) -> bytes:
    """
    What a machine runs when it starts, which AWS's APIs carry in base64.

    What is none after all is taken as it stands, for better that than not at all.
    """
    try:
        # The command `base64` breaks its lines.
        return base64.b64decode("".join(encoded.split()), validate=True)
    except ValueError:
        return encoded.encode(errors="replace")
