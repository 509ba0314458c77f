"""Whether two names, or a name and an ARN, are of the same secret."""

from __future__ import annotations

import re


def same_secret(name: str, other: str) -> bool:
    """Compare them; either may be a name, or an ARN with or without the suffix AWS gives it."""
    plain = [
        re.sub(r"^arn:[^:]+:secretsmanager:[^:]*:\d*:secret:", "", text) for text in (name, other)
    ]
    return name == other or plain[0] == plain[1] or plain[0] == re.sub(r"-\w{6}$", "", plain[1])
