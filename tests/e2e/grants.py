"""
What the deployed roles may do and did not do in the demo, each with the reason why they may.

A grant that you add and the demo does not use fails the demo's test until it has an entry here;
an entry that the demo does use, or whose grant is gone, fails it too.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from local.policies.usage import Grant

ROTATE: Final = "Wickie-postgresalternatingusers*"
WATCH: Final = "WickieObservability-demo-WatchRole*"
FLOWS: Final = "WickieWorkPool-demo-FlowTaskRole*"

UNUSED: Final = {
    # (role, action) → why it may, all the same.
    (ROTATE, "secretsmanager:ListSecretVersionIds"): (
        "settling and repairing look for versions left behind; in the demo none is"
    ),
    (
        FLOWS,
        "ecs:DescribeTasks",
    ): "upkeep asks for the tasks of silent runs; no upkeep is run here",
}
EITHER: Final = {
    # As UNUSED, for what depends on who comes first.
    (FLOWS, "ecs:UpdateService"): (
        "the flow refreshes a dependent unless the refresh function has done it already"
    ),
    (WATCH, "secretsmanager:ListSecretVersionIds"): (
        "a version that is pending while it counts is looked up"
    ),
    (FLOWS, "ecs:TagResource"): "the tag says which version a dependent was refreshed to",
}


def unexplained(unused: Iterable[Grant]) -> list[str]:
    """Grants without a reason, and reasons without a grant."""
    found = [(g.principal.rpartition("/")[2], g.action, g.resource) for g in unused]
    reasons = UNUSED | EITHER
    bare = [
        f"{role} may {action} on {resource} and did not: take it away, or say why it may"
        for role, action, resource in found
        if not any(fnmatchcase(role, r) and action == a for r, a in reasons)
    ]
    idle = [
        f"{r}: {a} has a reason and needs none: take the entry out of tests/e2e/grants.py"
        for r, a in UNUSED
        if not any(fnmatchcase(role, r) and action == a for role, action, _ in found)
    ]
    return bare + idle
