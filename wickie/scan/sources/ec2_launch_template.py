"""EC2 launch templates."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from wickie.scan.sources.reading import artifact_of
from wickie.scan.sources.texts import script

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wickie.scan.chunk import Artifact

KIND: Final = "ec2-launch-template"
PERMISSIONS: Final = ("ec2:DescribeLaunchTemplates", "ec2:DescribeLaunchTemplateVersions")


def templates(client: Any, prefix: str) -> Iterator[Artifact]:
    """List templates: of each, all versions are read, for any of them may be launched."""
    region = client.meta.region_name
    for page in client.get_paginator("describe_launch_templates").paginate():
        for template in page["LaunchTemplates"]:
            if template["LaunchTemplateName"].startswith(prefix):
                identifier = template["LaunchTemplateId"]
                versions = partial(_versions, client, identifier)
                # Its ARN has the account, which AWS does not say here.
                yield artifact_of(versions, f"{KIND}:{region}/{identifier}", KIND)


def _versions(client: Any, identifier: str) -> Iterator[tuple[str, bytes]]:
    pages = client.get_paginator("describe_launch_template_versions").paginate(
        LaunchTemplateId=identifier
    )
    for page in pages:
        for version in page["LaunchTemplateVersions"]:
            encoded = version["LaunchTemplateData"].get("UserData", "")
            yield f"{version['VersionNumber']}/userData", script(encoded)
