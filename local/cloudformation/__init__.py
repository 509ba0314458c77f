"""CloudFormation: change sets, updates, rollback and deletion as AWS documents them."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from moto.cloudtrail.responses import CloudTrailResponse
from moto.s3.models import FakeBucket

from local.cloudformation import api
from local.cloudformation.store import Store

if TYPE_CHECKING:
    from local.world import World


def complete(world: World) -> None:
    """Serve an empty CloudFormation whose resources are made in this world."""
    api.install(Store(world))
    _patch_neighbours()


@cache
def _patch_neighbours() -> None:
    """Let what deployments need of other services through."""
    trail: Any = CloudTrailResponse
    # The CDK CLI asks for refused calls after a failure, and retries for half a minute.
    trail.lookup_events = lambda _: '{"Events": []}'
    bucket: Any = FakeBucket
    # AWS takes a bucket's logging before the target's policy, which names that bucket, exists.
    bucket._log_permissions_enabled_policy = staticmethod(lambda **_: True)
