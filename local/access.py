"""
`python -m local.access`: what deployed code called, and whether AWS would have let it.

Asks the local AWS at --endpoint, or where AWS_ENDPOINT_URL says. Policies are those that stand
now: change one, and ask again.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import urllib.request
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from local import recording
from local.policies.deployed import Account
from local.world import World

if TYPE_CHECKING:
    from local.policies.decision import Decision
    from local.recording import Call

_ENDPOINT = "http://localhost:5566"


def main() -> None:
    """Print both tables; exit with 1 if AWS would have refused a call."""
    parser = argparse.ArgumentParser(prog="python -m local.access", description=__doc__)
    parser.add_argument("--endpoint", default=os.environ.get("AWS_ENDPOINT_URL", _ENDPOINT))
    parser.add_argument("--role", default="", help="only those whose ARN contains this")
    options = parser.parse_args()
    endpoint = options.endpoint.rstrip("/")
    try:
        calls = [call for call in recorded(endpoint) if options.role in call.principal]
    except OSError as error:
        sys.exit(f"no local AWS answers at {endpoint} ({error}); start one: python -m local")
    account = Account(lambda service: World(endpoint, None).client(service))  # type: ignore[arg-type]
    console = Console(highlight=False)
    judged = [(call, account.decide(call)) for call in calls]
    console.print(_called(judged))
    roles = {call.principal for call in calls if call.principal}
    unused = account.unused(calls, sorted(roles))
    if unused:
        console.print(_unused(unused))
    refused = sum(not decision.allowed for _, decision in judged)
    console.print(f"{len(judged)} kinds of calls by {len(roles)} principals: {refused} refused")
    sys.exit(1 if refused else 0)


def recorded(endpoint: str) -> list[Call]:
    """What the local AWS at `endpoint` has recorded."""
    with urllib.request.urlopen(f"{endpoint}/local/calls", timeout=30) as answer:  # noqa: S310
        return recording.from_json(json.load(answer))


def refused(endpoint: str, account: Account) -> list[str]:
    """A line for each recorded call that AWS would have refused."""
    return [
        _line(call, d) for call in recorded(endpoint) if not (d := account.decide(call)).allowed
    ]


def _line(call: Call, decision: Decision) -> str:
    who = _short(call.principal)
    return f"{who}: {call.action or call.operation} on {call.resource}: {decision.reason}"


def _called(judged: list[tuple[Call, Decision]]) -> Table:
    table = Table("who", "action", "on", "AWS", title="What was called")
    for call, decision in judged:
        answer = "allowed" if decision.allowed else f"[red]refused: {decision.reason}[/red]"
        action = call.action or call.operation
        table.add_row(_short(call.principal), action, call.resource, answer)
    return table


def _unused(grants: list[Any]) -> Table:
    table = Table("who", "may", "on", title="What is granted to them, and was not used")
    for grant in grants:
        table.add_row(_short(grant.principal), grant.action, grant.resource)
    return table


def _short(principal: str) -> str:
    return principal.rpartition("/")[2]


if __name__ == "__main__":
    main()
