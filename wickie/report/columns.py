"""
The columns of a table of JSON lines, read off the types that the lines are made from.

https://docs.aws.amazon.com/athena/latest/ug/data-types.html
"""

from __future__ import annotations

import enum
import types
from collections.abc import Mapping, Sequence
from dataclasses import is_dataclass
from datetime import date, datetime
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

from wickie.report.lines import KINDS, Head

_SCALARS: Final = {
    bool: "boolean",
    int: "bigint",
    float: "double",
    str: "string",
    # ISO 8601 with an offset, which the SerDe takes for no timestamp; see docs/reports.md.
    datetime: "string",
    date: "string",
}


def columns(kind: str) -> dict[str, str]:
    """Hive type of every column, by name, in the order in which a line has them."""
    return _members(Head) | _members(KINDS[kind])


def _members(record: type) -> dict[str, str]:
    # Where a module imports them for annotations alone, they are unknown at run time.
    hints = get_type_hints(record, localns={"date": date, "datetime": datetime})
    return {name: _hive(hint) for name, hint in hints.items()}


def _hive(hint: Any) -> str:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        (hint,) = (each for each in arguments if each is not type(None))
        return _hive(hint)
    if origin is not None and issubclass(origin, Mapping):
        return f"map<{_hive(arguments[0])},{_hive(arguments[1])}>"
    if origin is not None and issubclass(origin, Sequence):
        return f"array<{_hive(arguments[0])}>"
    if is_dataclass(hint) and isinstance(hint, type):
        return f"struct<{','.join(f'{name}:{each}' for name, each in _members(hint).items())}>"
    if issubclass(hint, enum.Enum):
        return "string"
    return _SCALARS[hint]
