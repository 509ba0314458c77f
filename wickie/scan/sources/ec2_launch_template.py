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

_PAGE: Final = {"PageSize": 200}
"""https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeLaunchTemplates.html"""


def templates(client: Any, prefix: str) -> Iterator[Artifact]:
    """List templates: of each, all versions are read, for any of them may be launched."""
    meta = client.meta
    pages = client.get_paginator("describe_launch_templates").paginate(PaginationConfig=_PAGE)
    for page in pages:
        for template in page["LaunchTemplates"]:
            if template["LaunchTemplateName"].startswith(prefix):
                identifier = template["LaunchTemplateId"]
                versions = partial(_versions, client, identifier)
                # Who made it was in the account that it lies in.
                account = template["CreatedBy"].split(":")[4]
                place = f"arn:{meta.partition}:ec2:{meta.region_name}:{account}"
                yield artifact_of(versions, f"{place}:launch-template/{identifier}", KIND)


def _versions(client: Any, identifier: str) -> Iterator[tuple[str, bytes]]:
    pages = client.get_paginator("describe_launch_template_versions").paginate(
        LaunchTemplateId=identifier, PaginationConfig=_PAGE
    )
    for page in pages:
        for version in page["LaunchTemplateVersions"]:
            encoded = version["LaunchTemplateData"].get("UserData", "")
            yield f"{version['VersionNumber']}/userData", script(encoded)
