"""User data of EC2 instances."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from wickie.scan.sources.reading import artifact_of
from wickie.scan.sources.texts import script

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wickie.scan.chunk import Artifact

KIND: Final = "ec2-user-data"
PERMISSIONS: Final = ("ec2:DescribeInstances", "ec2:DescribeInstanceAttribute")

_LIVING: Final = ("pending", "running", "stopping", "stopped")
_PAGE: Final = 500
"""Left to itself, EC2 answers with all of them at once."""


def instances(client: Any, prefix: str) -> Iterator[Artifact]:
    """List instances whose `Name` tag starts with `prefix`."""
    meta = client.meta
    pages = client.get_paginator("describe_instances").paginate(
        Filters=[{"Name": "instance-state-name", "Values": [*_LIVING]}],
        PaginationConfig={"PageSize": _PAGE},
    )
    for page in pages:
        for reservation in page["Reservations"]:
            place = f"arn:{meta.partition}:ec2:{meta.region_name}:{reservation['OwnerId']}"
            for instance in reservation["Instances"]:
                if _name(instance).startswith(prefix):
                    identifier = instance["InstanceId"]
                    data = partial(_user_data, client, identifier)
                    arn = f"{place}:instance/{identifier}"
                    yield artifact_of(data, arn, KIND, version=_version(instance))


def _name(instance: Mapping[str, Any]) -> str:
    return next((tag["Value"] for tag in instance.get("Tags", []) if tag["Key"] == "Name"), "")


def _version(instance: Mapping[str, Any]) -> str:
    """User data changes only while an instance is stopped; each start has its own time."""
    # https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/user-data.html
    running = instance["State"]["Name"] == "running"
    return instance["LaunchTime"].isoformat() if running else ""


def _user_data(client: Any, identifier: str) -> Iterator[tuple[str, bytes]]:
    reply = client.describe_instance_attribute(InstanceId=identifier, Attribute="userData")
    yield "userData", script(reply.get("UserData", {}).get("Value", ""))
