"""Lifecycle configurations of SageMaker notebooks."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from wickie.scan.sources.reading import artifact_of
from wickie.scan.sources.texts import script

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wickie.scan.chunk import Artifact

KIND: Final = "sagemaker-notebook-lifecycle"
PERMISSIONS: Final = (
    "sagemaker:ListNotebookInstanceLifecycleConfigs",
    "sagemaker:DescribeNotebookInstanceLifecycleConfig",
)

_LISTED: Final = "list_notebook_instance_lifecycle_configs"


def lifecycles(client: Any, prefix: str) -> Iterator[Artifact]:
    """List what notebook instances run when they are made, and whenever they start."""
    for page in client.get_paginator(_LISTED).paginate():
        for config in page["NotebookInstanceLifecycleConfigs"]:
            name = config["NotebookInstanceLifecycleConfigName"]
            if name.startswith(prefix):
                arn = config["NotebookInstanceLifecycleConfigArn"]
                changed = str(config.get("LastModifiedTime", ""))
                yield artifact_of(partial(_scripts, client, name), arn, KIND, version=changed)


def _scripts(client: Any, name: str) -> Iterator[tuple[str, bytes]]:
    config = client.describe_notebook_instance_lifecycle_config(
        NotebookInstanceLifecycleConfigName=name
    )
    for part in ("OnCreate", "OnStart"):
        for number, each in enumerate(config.get(part, [])):
            yield f"{part}/{number}", script(each.get("Content", ""))
