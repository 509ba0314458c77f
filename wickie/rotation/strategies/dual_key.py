"""Two keys of one user, the older of which works until it is retired."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic

from wickie.asking import Patience
from wickie.errors import AuthenticationError, ProviderUnavailableError, RotationError
from wickie.providers import C, Installer
from wickie.rotation.strategies import require_rights

if TYPE_CHECKING:
    from collections.abc import Callable

    from wickie.providers import Issuer
    from wickie.rotation.strategies import Means

# For the sign-in under way when patience runs out, and for the error to get home.
_RESERVED_SECONDS: Final = 10.0


@dataclass(frozen=True)
class DualKey(Generic[C]):
    """
    The system issues a key beside the one in use, so no call is refused meanwhile.

    Such systems are often eventually consistent: a new key is refused for some seconds, and an
    old one honoured, here before there. So both are waited for, and the three sign-ins before a
    promotion (set, test, finish) are seconds apart.
    """

    issuer: Issuer[C]
    means: Means

    def create_secret(self, current: C, previous: Callable[[], C | None], token: str) -> C:
        """See `Rotator`. The key is made here, before it can be stored: see `Issuer.issue`."""
        return self.issuer.issue(current, previous, token)

    def discard(self, unused: C, current: C) -> None:
        """See `Discarding`. It would take the room of the next one."""
        self.issuer.revoke(unused, current)

    def set_secret(self, pending: C, current: C, previous: Callable[[], C | None]) -> None:
        """See `Rotator`. Nothing is left to set but what an `Installer` drew itself."""
        if isinstance(self.issuer, Installer):
            self.issuer.install(pending, current, previous())
        patience = self._patience()
        if patience.until(lambda: self._honoured(pending) or None) is None:
            raise ProviderUnavailableError(
                f"key {pending.holder} is not honoured after {patience.seconds:.0f} s; it is asked "
                f"again at the next attempt, and if somebody deleted it: remove the AWSPENDING "
                f"label and rotate again"
            )

    def test_secret(self, pending: C, current: C) -> None:
        """See `Rotator`. A key of the same user may do the same; a dead one may do nothing."""
        rights = self.issuer.sign_in(pending)
        try:
            wanted = self.issuer.sign_in(current)
        except AuthenticationError:
            return
        if isinstance(self.issuer, Installer):  # what is lacking can be installed yet
            require_rights(pending, rights, current, wanted)
        if rights != wanted:
            raise RotationError(
                f"key {pending.holder} acts as {rights}, and AWSCURRENT as {wanted}; abandoned, "
                f"remove the AWSPENDING label and rotate again"
            )

    def retire(self, old: C, current: C) -> None:
        """See `Rotator`. What opened a session with the old key is for the system to end."""
        self.issuer.revoke(old, current)
        self._patience().until(lambda: None if self._honoured(old) else True)

    def _honoured(self, key: C) -> bool:
        try:
            self.issuer.sign_in(key)
        except AuthenticationError:
            return False
        return True

    def _patience(self) -> Patience:
        return Patience(max(0.0, self.means.seconds_left() - _RESERVED_SECONDS))
