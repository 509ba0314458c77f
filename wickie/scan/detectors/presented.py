"""What of a match an issuer can be asked about: a token, or the two parts of an access key."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Final

from wickie.credentials import AccessKey, Sensitive
from wickie.scan.issuers import ACCESS_KEY_RULE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kingfisher_sdk import Finding

_SECRET_KEY_RULE: Final = "betterleaks.aws-secret-access-key"  # noqa: S105  (its name)
_LONG_TERM: Final = "AKIA"
"""Of other keys, the session token would be needed too."""
_NEAR: Final = 1024
"""Bytes between the parts of a key; farther apart, they are hardly of the same."""


class Presented:
    """The credentials among what was found in one chunk."""

    def __init__(self, found: Iterable[Finding]) -> None:
        placed = [
            (*_place(each), each.secret) for each in found if each.rule_id == _SECRET_KEY_RULE
        ]
        self._secrets = sorted(placed)
        self._starts = [start for start, _, _ in self._secrets]

    def of(self, found: Finding) -> Sensitive | AccessKey | None:
        """Take the credential of `found`, a part of which may stand beside it."""
        if found.rule_id != ACCESS_KEY_RULE:
            return Sensitive(found.secret)
        if not found.secret.startswith(_LONG_TERM):
            return None
        start, end = _place(found)
        after = bisect_left(self._starts, start)
        # The secret usually comes second, so at the same distance that one counts.
        beside = (*self._secrets[after : after + 1], *self._secrets[max(after - 1, 0) : after])
        near = [(max(first - end, start - last, 0), secret) for first, last, secret in beside]
        distance, nearest = min(near, key=lambda each: each[0], default=(_NEAR + 1, ""))
        return None if distance > _NEAR else AccessKey(found.secret, Sensitive(nearest))


def _place(found: Finding) -> tuple[int, int]:
    return found.location["start_offset"], found.location["end_offset"]
