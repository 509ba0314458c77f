"""Stages of API Gateway's HTTP and WebSocket APIs."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from wickie.scan.sources.reading import artifact_of
from wickie.scan.sources.texts import leaves

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wickie.scan.chunk import Artifact

KIND: Final = "api-gateway-v2-stage"
PERMISSIONS: Final = ("apigateway:GET",)


def apis(client: Any, prefix: str) -> Iterator[Artifact]:
    """List APIs: each has few stages."""
    meta = client.meta
    for page in client.get_paginator("get_apis").paginate():
        for api in page.get("Items", []):
            if api["Name"].startswith(prefix):
                arn = f"arn:{meta.partition}:apigateway:{meta.region_name}::/apis/{api['ApiId']}"
                yield artifact_of(partial(_stages, client, api["ApiId"]), arn, KIND)


def _stages(client: Any, identifier: str) -> Iterator[tuple[str, str]]:
    for page in client.get_paginator("get_stages").paginate(ApiId=identifier):
        for stage in page.get("Items", []):
            for part in ("Description", "StageVariables"):
                yield from leaves(f"stages/{stage['StageName']}/{part}", stage.get(part))
