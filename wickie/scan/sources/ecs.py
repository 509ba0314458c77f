"""Active ECS task definitions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Final

from wickie.model import Gap
from wickie.scan.chunk import Chunk
from wickie.scan.sources.reading import reading, refused

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_ecs.type_defs import ContainerDefinitionOutputTypeDef

    from wickie.aws import Clients

PERMISSIONS: Final = ("ecs:ListTaskDefinitions", "ecs:DescribeTaskDefinition")


def open_definitions(options: Mapping[str, str], clients: Clients) -> TaskDefinitions:
    """Open the task definitions of all families whose name starts with `prefix`."""
    return TaskDefinitions(clients.ecs, options.get("prefix", ""))


@dataclass(frozen=True)
class TaskDefinitions:
    """What every active revision gives its containers: anyone who may describe it reads that."""

    kind: ClassVar[str] = "ecs-task-definition"

    client: ECSClient = field(repr=False)
    prefix: str = ""

    @property
    def uri(self) -> str:
        """See `Source`."""
        return f"ecs:{self.prefix}*"

    def chunks(self) -> Iterator[Chunk | Gap]:
        """See `Source`."""
        # `familyPrefix` of this call is a family's full name, whatever it is called.
        # https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTaskDefinitions.html
        pages = self.client.get_paginator("list_task_definitions").paginate(
            status="ACTIVE", sort="DESC"
        )
        with reading(self.uri, PERMISSIONS):
            for page in pages:
                for arn in page["taskDefinitionArns"]:
                    if arn.rpartition("/")[2].startswith(self.prefix):
                        yield from self._read(arn)

    def _read(self, arn: str) -> Iterator[Chunk | Gap]:
        try:
            definition = self.client.describe_task_definition(taskDefinition=arn)["taskDefinition"]
        except self.client.exceptions.ClientError as error:
            yield Gap(arn, refused(error))
            return
        family = arn.rpartition(":")[0]
        yield Chunk(b"", arn, family, self.kind)
        for container in definition["containerDefinitions"]:
            for part, text in _texts(container):
                name = f"{container['name']}/{part}"
                yield Chunk(text.encode(), arn, family, self.kind, part=name)


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
