"""
Which actions AWS has, and which types of resources each of them names.

From the Service Authorization Reference, as cfn-lint carries it and renews it with its releases:
https://docs.aws.amazon.com/service-authorization/latest/reference/
"""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any


def is_known(action: str) -> bool:
    """Whether there is such an action."""
    service, _, name = action.partition(":")
    return name.lower() in _services().get(service, {}).get("Actions", {})


def resource_types(action: str) -> tuple[str, ...]:
    """The types of resources that the action names; none if IAM grants it on `*` or not at all."""
    service, _, name = action.partition(":")
    found = _services()[service]["Actions"][name.lower()].get("Resources", ())
    names = [found] if isinstance(found, str) else found
    return tuple(each.rstrip("*").lower() for each in names)


def is_arn_of(service: str, resource_type: str, arn: str) -> bool:
    """Whether `arn` has the form of this type's."""
    formats = _services()[service]["Resources"][resource_type]["ARNFormats"]
    return any(re.fullmatch(_expression(each), arn) for each in formats)


def _expression(arn_format: str) -> str:
    return re.sub(r"\$\{\w+\}", "[^:]*", arn_format)


@cache
def _services() -> dict[str, Any]:
    found = find_spec("cfnlint")  # importing it would take longer than all the rest
    if found is None or found.origin is None:
        raise ModuleNotFoundError("cfn-lint, which moto[server] brings along")
    data = Path(found.origin).parent / "data" / "AdditionalSpecs" / "Policies.json"
    read: dict[str, Any] = json.loads(data.read_text())
    return read
