"""SageMaker models, which is also what endpoints run."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from wickie.scan.sources.reading import artifact_of
from wickie.scan.sources.texts import leaves

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wickie.scan.chunk import Artifact

KIND: Final = "sagemaker-model"
PERMISSIONS: Final = ("sagemaker:ListModels", "sagemaker:DescribeModel")


def models(client: Any, prefix: str) -> Iterator[Artifact]:
    """List models: they never change, but a new one may have the name of one that is gone."""
    for page in client.get_paginator("list_models").paginate():
        for model in page["Models"]:
            name, made = model["ModelName"], model["CreationTime"].isoformat()
            if name.startswith(prefix):
                containers = partial(_containers, client, name)
                yield artifact_of(containers, model["ModelArn"], KIND, version=made)


def _containers(client: Any, name: str) -> Iterator[tuple[str, str]]:
    model = client.describe_model(ModelName=name)
    for part in ("PrimaryContainer", "Containers"):
        yield from leaves(part, model.get(part))
