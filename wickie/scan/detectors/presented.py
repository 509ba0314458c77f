"""What of a match an issuer can be asked about: a token, or the two parts of an access key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wickie.credentials import AccessKey, Sensitive
from wickie.scan.issuers import ACCESS_KEY_RULE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kingfisher_sdk import Finding

_SECRET_KEY_RULE: Final = "betterleaks.aws-secret-access-key"  # noqa: S105  (its name)
_LONG_TERM: Final = "AKIA"
"""Of other keys, the session token would be needed too."""
_NEAR: Final = 1024
"""Bytes between the parts of a key; farther apart, they are hardly of the same."""


def credential_of(found: Finding, beside: Sequence[Finding]) -> Sensitive | AccessKey | None:
    """Take the credential of `found`, a part of which may be among what else was found."""
    if found.rule_id != ACCESS_KEY_RULE:
        return Sensitive(found.secret)
    if not found.secret.startswith(_LONG_TERM):
        return None
    secrets = [each for each in beside if each.rule_id == _SECRET_KEY_RULE]
    nearest = min(secrets, key=lambda each: _distance(found, each), default=None)
    if nearest is None or _distance(found, nearest)[0] > _NEAR:
        return None
    return AccessKey(found.secret, Sensitive(nearest.secret))


def _distance(key_id: Finding, secret: Finding) -> tuple[int, bool]:
    """How far apart they stand; the secret usually comes second."""
    (start, end), (first, last) = (
        (each.location["start_offset"], each.location["end_offset"]) for each in (key_id, secret)
    )
    return (max(first - end, start - last, 0), first < start)
