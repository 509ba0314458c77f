"""Amplify apps."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from wickie.scan.sources.reading import artifact_of
from wickie.scan.sources.texts import leaves

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wickie.scan.chunk import Artifact

KIND: Final = "amplify-app"
PERMISSIONS: Final = ("amplify:ListApps", "amplify:ListBranches")

_PARTS: Final = (
    "description",
    "repository",
    "environmentVariables",
    "buildSpec",
    "basicAuthCredentials",
    "customHeaders",
    "autoBranchCreationConfig",
)


def apps(client: Any, prefix: str) -> Iterator[Artifact]:
    """List apps, each with its branches."""
    for page in client.get_paginator("list_apps").paginate():
        for app in page["apps"]:
            if app["name"].startswith(prefix):
                yield artifact_of(partial(_texts, client, app), app["appArn"], KIND)


def _texts(client: Any, app: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for part in _PARTS:
        yield from leaves(part, app.get(part))
    for page in client.get_paginator("list_branches").paginate(appId=app["appId"]):
        for branch in page["branches"]:
            for part in _PARTS:
                yield from leaves(f"branches/{branch['branchName']}/{part}", branch.get(part))
