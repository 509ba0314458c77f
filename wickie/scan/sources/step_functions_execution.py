"""What state machines of Step Functions were given lately, and what they made of it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from wickie.model import Gap
from wickie.scan.sources.reading import artifact_of, found

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wickie.scan.chunk import Artifact

KIND: Final = "step-functions-execution"
PERMISSIONS: Final = (
    "states:ListStateMachines",
    "states:ListExecutions",
    "states:DescribeExecution",
)

_RECENT: Final = 100
"""Executions of each state machine: AWS describes ten to fifteen a second, and keeps 90 days."""


def executions(client: Any, prefix: str) -> Iterator[Artifact | Gap]:
    """List the latest executions of each state machine; those of express ones are only logged."""
    for page in client.get_paginator("list_state_machines").paginate():
        for machine in page["stateMachines"]:
            if machine["name"].startswith(prefix) and machine["type"] == "STANDARD":
                arn = machine["stateMachineArn"]
                for execution in found(partial(_latest, client, arn), arn):
                    yield execution if isinstance(execution, Gap) else _artifact(client, execution)


def _latest(client: Any, arn: str) -> Iterator[Mapping[str, Any]]:
    pages = client.get_paginator("list_executions").paginate(
        stateMachineArn=arn, PaginationConfig={"MaxItems": _RECENT}
    )
    for page in pages:
        yield from page["executions"]


def _artifact(client: Any, execution: Mapping[str, Any]) -> Artifact:
    arn = execution["executionArn"]
    # The input never changes; the output is there when it has stopped, and again when redriven.
    version = f"{execution['status']} {execution.get('stopDate', '')}"
    return artifact_of(partial(_texts, client, arn), arn, KIND, version=version)


def _texts(client: Any, arn: str) -> Iterator[tuple[str, str]]:
    execution = client.describe_execution(executionArn=arn)
    for part in ("input", "output", "error", "cause"):
        yield part, execution.get(part, "")
