"""
Signature Version 4, for requests whose parameters are all in their body.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

_ALGORITHM: Final = "AWS4-HMAC-SHA256"


@dataclass(frozen=True)
class Keys:
    """What a role is known by for a while."""

    key_id: str
    secret_key: str = field(repr=False)
    token: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Self | None:
        """Those that Lambda puts into a function's environment; None where there are none."""
        key_id, secret_key = map(environment.get, ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"))
        if not (key_id and secret_key):
            return None
        return cls(key_id, secret_key, environment.get("AWS_SESSION_TOKEN") or None)


@dataclass(frozen=True)
class Scope:
    """What a signature is good for, on one day."""

    region: str
    service: str

    def on(self, day: str) -> tuple[str, str, str, str]:
        """The parts of a credential scope."""
        return day, self.region, self.service, "aws4_request"


def signed(
    headers: Mapping[str, str], body: bytes, keys: Keys, scope: Scope, now: datetime
) -> dict[str, str]:
    """Return `headers` with a signature over all of them. POST to `/`; `Host` must be there."""
    moment = now.strftime("%Y%m%dT%H%M%SZ")
    dated = {**headers, "X-Amz-Date": moment}
    if keys.token:
        dated["X-Amz-Security-Token"] = keys.token
    canonical = {name.lower(): " ".join(dated[name].split()) for name in dated}
    names = sorted(canonical)
    listed = ";".join(names)
    lines = [f"{name}:{canonical[name]}" for name in names]
    request = "\n".join(["POST", "/", "", *lines, "", listed, hashlib.sha256(body).hexdigest()])
    parts = scope.on(moment[:8])
    place = "/".join(parts)
    digest = hashlib.sha256(request.encode()).hexdigest()
    text = f"{_ALGORITHM}\n{moment}\n{place}\n{digest}"
    key = f"AWS4{keys.secret_key}".encode()
    for part in parts:
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    return dated | {
        "Authorization": (
            f"{_ALGORITHM} Credential={keys.key_id}/{place}, "
            f"SignedHeaders={listed}, Signature={signature}"
        )
    }
