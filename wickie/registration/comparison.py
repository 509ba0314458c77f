"""Whether a server has what was sent to it, whatever it has added of its own."""

from __future__ import annotations

from typing import Any, Final

_WHOLE: Final = frozenset(
    {"base_job_template", "job_variables", "parameter_openapi_schema", "parameters", "pull_steps"}
)
"""Fields that hold what was sent and no more; into others the server writes of its own."""


def differs(name: str, found: Any, wanted: Any) -> bool:
    """Whether the field `name` at the server is not what it is to be."""
    return bool(found != wanted) if name in _WHOLE else not _holds(found, wanted)


def _holds(found: Any, wanted: Any) -> bool:
    """Whether `found` says what `wanted` says, and perhaps more."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        return all(_holds(found.get(name), value) for name, value in wanted.items())
    if isinstance(wanted, list | tuple) and isinstance(found, list):
        if all(isinstance(each, str) for each in wanted):
            return set(found) == set(wanted)  # what an automation expects is a set to the server
        return len(found) == len(wanted) and all(map(_holds, found, wanted))
    return bool(found == wanted)
