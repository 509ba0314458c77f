"""Glue jobs."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from wickie.scan.sources.reading import artifact_of
from wickie.scan.sources.texts import leaves

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from wickie.scan.chunk import Artifact

KIND: Final = "glue-job"
PERMISSIONS: Final = ("glue:GetJobs", "sts:GetCallerIdentity")

_PARTS: Final = ("Description", "DefaultArguments", "NonOverridableArguments")


def jobs(client: Any, prefix: str, account: Callable[[], str]) -> Iterator[Artifact]:
    """List jobs; their scripts are objects in S3."""
    place = f"arn:{client.meta.partition}:glue:{client.meta.region_name}:{account()}"
    for page in client.get_paginator("get_jobs").paginate():
        for job in page["Jobs"]:
            if job["Name"].startswith(prefix):
                yield artifact_of(partial(_texts, job), f"{place}:job/{job['Name']}", KIND)


def _texts(job: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for part in _PARTS:
        yield from leaves(part, job.get(part))
