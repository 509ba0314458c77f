"""Stages of API Gateway's REST APIs."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from wickie.scan.sources.reading import artifact_of
from wickie.scan.sources.texts import leaves

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wickie.scan.chunk import Artifact

KIND: Final = "api-gateway-stage"
PERMISSIONS: Final = ("apigateway:GET",)


def apis(client: Any, prefix: str) -> Iterator[Artifact]:
    """List APIs: the stages of each are one reply."""
    meta = client.meta
    for page in client.get_paginator("get_rest_apis").paginate():
        for api in page.get("items", []):
            if api["name"].startswith(prefix):
                arn = f"arn:{meta.partition}:apigateway:{meta.region_name}::/restapis/{api['id']}"
                yield artifact_of(partial(_stages, client, api["id"]), arn, KIND)


def _stages(client: Any, identifier: str) -> Iterator[tuple[str, str]]:
    for stage in client.get_stages(restApiId=identifier).get("item", []):
        for part in ("description", "variables", "canarySettings"):
            yield from leaves(f"stages/{stage['stageName']}/{part}", stage.get(part))
