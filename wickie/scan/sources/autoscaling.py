"""Launch configurations of Auto Scaling."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from wickie.scan.sources.reading import artifact_of
from wickie.scan.sources.texts import script

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wickie.scan.chunk import Artifact

KIND: Final = "autoscaling-launch-configuration"
PERMISSIONS: Final = ("autoscaling:DescribeLaunchConfigurations",)


def configurations(client: Any, prefix: str) -> Iterator[Artifact]:
    """List launch configurations: they never change, and their ARN is not given twice."""
    for page in client.get_paginator("describe_launch_configurations").paginate():
        for configuration in page["LaunchConfigurations"]:
            if configuration["LaunchConfigurationName"].startswith(prefix):
                arn = configuration["LaunchConfigurationARN"]
                data = partial(_user_data, configuration.get("UserData", ""))
                yield artifact_of(data, arn, KIND, version=arn)


def _user_data(encoded: str) -> Iterator[tuple[str, bytes]]:
    yield "userData", script(encoded)
