"""Wildcards and variables, as IAM reads them in actions, ARNs and condition values."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SEGMENTS = 6
_VARIABLE = re.compile(r"\$\{([^},]+)(?:, *'([^']*)')?\}")


def matches(pattern: str, text: str, *, ignore_case: bool = False) -> bool:
    """Whether `text` is of the form of `pattern`, in which `*` and `?` are the only wildcards."""
    return _compiled(pattern, ignore_case).fullmatch(text) is not None


def matches_arn(pattern: str, arn: str) -> bool:
    """
    Whether `pattern` names `arn`: each of the first five segments by itself, then the rest.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
    """
    if pattern == "*":
        return True
    wanted, given = pattern.split(":", _SEGMENTS - 1), arn.split(":", _SEGMENTS - 1)
    return len(wanted) == len(given) and all(map(matches, wanted, given))


def filled(pattern: str, context: Mapping[str, Sequence[str]]) -> str | None:
    """
    `pattern` with its policy variables replaced; None if one of them has no value.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
    """
    missing: list[str] = []

    def value(match: re.Match[str]) -> str:
        key, default = match.group(1), match.group(2)
        if key in ("*", "?", "$"):
            return _LITERAL[key]
        values = context.get(key.lower(), ())
        if len(values) == 1:
            return values[0]
        if default is None:
            missing.append(key)
        return default or ""

    text = _VARIABLE.sub(value, pattern)
    return None if missing else text


# Private-use characters, which no policy holds, stand for wildcards that were meant as text.
_LITERAL = {"*": "\ue000", "?": "\ue001", "$": "$"}
_TEXT = {literal: character for character, literal in _LITERAL.items() if character != "$"}


@cache
def _compiled(pattern: str, ignore_case: bool) -> re.Pattern[str]:
    wild = {"*": ".*", "?": "."}
    parts = (wild.get(c) or re.escape(_TEXT.get(c, c)) for c in pattern)
    return re.compile("".join(parts), re.DOTALL | (re.IGNORECASE if ignore_case else 0))
