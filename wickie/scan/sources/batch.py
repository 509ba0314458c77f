"""Job definitions of Batch."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from wickie.scan.sources.reading import artifact_of
from wickie.scan.sources.texts import leaves

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wickie.scan.chunk import Artifact

KIND: Final = "batch-job-definition"
PERMISSIONS: Final = ("batch:DescribeJobDefinitions",)

_PARTS: Final = (
    "parameters",
    "containerProperties",
    "nodeProperties",
    "ecsProperties",
    "eksProperties",
    "tags",
)


def definitions(client: Any, prefix: str) -> Iterator[Artifact]:
    """List every active revision, whatever it runs on."""
    pages = client.get_paginator("describe_job_definitions").paginate(status="ACTIVE")
    for page in pages:
        for definition in page["jobDefinitions"]:
            if definition["jobDefinitionName"].startswith(prefix):
                arn = definition["jobDefinitionArn"]
                name = arn.rpartition(":")[0]
                yield artifact_of(partial(_texts, definition), arn, KIND, artifact=name)


def _texts(definition: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for part in _PARTS:
        yield from leaves(part, definition.get(part))
