"""State machines of Step Functions."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from wickie.scan.sources.reading import artifact_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wickie.scan.chunk import Artifact

KIND: Final = "step-functions-state-machine"
PERMISSIONS: Final = ("states:ListStateMachines", "states:DescribeStateMachine")


def state_machines(client: Any, prefix: str) -> Iterator[Artifact]:
    """List state machines, whose states may call anything with any header and argument."""
    for page in client.get_paginator("list_state_machines").paginate():
        for machine in page["stateMachines"]:
            if machine["name"].startswith(prefix):
                arn = machine["stateMachineArn"]
                yield artifact_of(partial(_definition, client, arn), arn, KIND)


def _definition(client: Any, arn: str) -> Iterator[tuple[str, str]]:
    yield "definition", client.describe_state_machine(stateMachineArn=arn)["definition"]
