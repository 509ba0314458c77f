"""CodeBuild projects."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from wickie.scan.sources.reading import artifact_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wickie.scan.chunk import Artifact

KIND: Final = "codebuild-project"
PERMISSIONS: Final = ("codebuild:ListProjects", "codebuild:BatchGetProjects")

_AT_ONCE: Final = 100
"""https://docs.aws.amazon.com/codebuild/latest/APIReference/API_BatchGetProjects.html"""


def projects(client: Any, prefix: str) -> Iterator[Artifact]:
    """List projects; variables of type PARAMETER_STORE and SECRETS_MANAGER hold but names."""
    for page in client.get_paginator("list_projects").paginate():
        names = [name for name in page["projects"] if name.startswith(prefix)]
        for start in range(0, len(names), _AT_ONCE):
            reply = client.batch_get_projects(names=names[start : start + _AT_ONCE])
            for project in reply["projects"]:
                yield artifact_of(partial(_texts, project), project["arn"], KIND, at_hand=True)


def _texts(project: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for variable in project["environment"].get("environmentVariables", []):
        name = variable["name"]
        yield f"environment/{name}", f"{name}={variable['value']}"
    sources = [project["source"], *project.get("secondarySources", [])]
    for number, source in enumerate(sources):
        yield f"source/{number}/location", source.get("location", "")
        yield f"source/{number}/buildspec", source.get("buildspec", "")
