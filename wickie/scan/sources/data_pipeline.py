"""Pipelines of Data Pipeline."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from wickie.scan.sources.reading import artifact_of
from wickie.scan.sources.texts import leaves

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wickie.scan.chunk import Artifact

KIND: Final = "data-pipeline"
PERMISSIONS: Final = (
    "datapipeline:ListPipelines",
    "datapipeline:GetPipelineDefinition",
    "sts:GetCallerIdentity",
)


def pipelines(client: Any, prefix: str, account: Callable[[], str]) -> Iterator[Artifact]:
    """List pipelines; fields whose name starts with an asterisk come encrypted."""
    meta = client.meta
    place = f"arn:{meta.partition}:datapipeline:{meta.region_name}:{account()}"
    for page in client.get_paginator("list_pipelines").paginate():
        for pipeline in page["pipelineIdList"]:
            if pipeline.get("name", "").startswith(prefix):
                identifier = pipeline["id"]
                definition = partial(_definition, client, identifier)
                yield artifact_of(definition, f"{place}:pipeline/{identifier}", KIND)


def _definition(client: Any, identifier: str) -> Iterator[tuple[str, str]]:
    definition = client.get_pipeline_definition(pipelineId=identifier)
    for each in definition.get("pipelineObjects", []):
        for field in each["fields"]:
            yield from leaves(f"objects/{each['id']}/{field['key']}", field.get("stringValue"))
    for each in definition.get("parameterObjects", []):
        for field in each["attributes"]:
            yield from leaves(f"parameters/{each['id']}/{field['key']}", field["stringValue"])
    for each in definition.get("parameterValues", []):
        yield from leaves(f"values/{each['id']}", each["stringValue"])
