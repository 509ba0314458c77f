"""Active ECS task definitions."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from wickie.scan.sources.reading import artifact_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_ecs.type_defs import ContainerDefinitionOutputTypeDef

    from wickie.scan.chunk import Artifact

KIND: Final = "ecs-task-definition"
PERMISSIONS: Final = ("ecs:ListTaskDefinitions", "ecs:DescribeTaskDefinition")


def definitions(client: ECSClient, prefix: str) -> Iterator[Artifact]:
    """List every active revision: anyone who may describe it reads what its containers get."""
    # `familyPrefix` of this call is a family's full name, whatever it is called.
    # https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTaskDefinitions.html
    pages = client.get_paginator("list_task_definitions").paginate(status="ACTIVE", sort="DESC")
    for page in pages:
        for arn in page["taskDefinitionArns"]:
            if arn.rpartition("/")[2].startswith(prefix):
                containers = partial(_containers, client, arn)
                family = arn.rpartition(":")[0]
                # A revision never changes.
                yield artifact_of(containers, arn, KIND, artifact=family, version=arn)


def _containers(client: ECSClient, arn: str) -> Iterator[tuple[str, str]]:
    definition = client.describe_task_definition(taskDefinition=arn)["taskDefinition"]
    for container in definition["containerDefinitions"]:
        for part, text in _texts(container):
            yield f"{container['name']}/{part}", text


def _texts(container: ContainerDefinitionOutputTypeDef) -> Iterator[tuple[str, str]]:
    """Whatever of a container's definition people put values into."""
    for variable in container.get("environment", []):
        name = variable.get("name", "")
        yield f"environment/{name}", f"{name}={variable.get('value', '')}"
    yield "command", " ".join(container.get("command", []))
    yield "entryPoint", " ".join(container.get("entryPoint", []))
    yield "healthCheck", " ".join(container.get("healthCheck", {"command": []})["command"])
    labels = container.get("dockerLabels", {})
    options = container.get("logConfiguration", {}).get("options", {})
    for part, pairs in (("dockerLabels", labels), ("logConfiguration", options)):
        yield from ((f"{part}/{name}", f"{name}={value}") for name, value in pairs.items())
