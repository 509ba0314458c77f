"""Whether two names, or a name and an ARN, are of the same secret."""

from __future__ import annotations

import re


def same_secret(name: str, other: str) -> bool:
    """Whether both name one secret, each by its name or by an ARN."""
    return bool(_names(name) & _names(other))


def _names(text: str) -> set[str]:
    """An ARN may end in six characters that are not the name's; a name is what it is."""
    if not text.startswith("arn:"):
        return {text}
    name = text.partition(":secret:")[2]
    return {name, re.sub(r"-\w{6}$", "", name)}
