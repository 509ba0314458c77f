"""S3: a bucket policy that demands TLS does not refuse the local, plain-http server."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.s3.models import FakeBucket

if TYPE_CHECKING:
    from local.world import World


def complete(world: World) -> None:  # noqa: ARG001  (the same for every world)
    """Leave statements out that hang on a condition; moto lets each of them refuse."""
    _patch()


@cache
def _patch() -> None:
    def get_permission(self: Any, action: str, resource: str) -> PermissionResult:
        policy = json.loads(self.policy or '{"Statement": []}')
        statements = policy["Statement"]
        statements = [statements] if isinstance(statements, dict) else statements
        policy["Statement"] = [s for s in statements if not s.get("Condition")]
        return IAMPolicy(json.dumps(policy)).is_action_permitted(action, resource)

    bucket: Any = FakeBucket
    bucket.get_permission = get_permission
