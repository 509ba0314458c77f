"""One user, two passwords."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wickie.errors import AuthenticationError
from wickie.rotation.strategies import abandoned, require_holder

if TYPE_CHECKING:
    from collections.abc import Callable

    from wickie.credentials import DatabaseLogin
    from wickie.providers import TwoPasswords
    from wickie.rotation.strategies import Means


@dataclass(frozen=True)
class DualPassword:
    """
    The user's new password works beside the one in use, which stays good until it is retired.

    The user changes itself, or an administrator does where one is named. Either way a password
    of the user's own has to vouch for it: whoever may write the secret could name any user.
    """

    system: TwoPasswords[DatabaseLogin]
    means: Means

    def create_secret(
        self,
        current: DatabaseLogin,
        previous: Callable[[], DatabaseLogin | None],
        token: str,
    ) -> DatabaseLogin:
        """See `Rotator`."""
        del previous, token
        return current.succeeded_by(current.username, self.means.passwords.draw())

    def set_secret(
        self,
        pending: DatabaseLogin,
        current: DatabaseLogin,
        previous: Callable[[], DatabaseLogin | None],
    ) -> None:
        """
        See `Rotator`.

        AWSPREVIOUS is dropped where AWSCURRENT is honoured. Where that never took, AWSPREVIOUS
        vouches for the user, and is what its clients use.
        """
        require_holder(pending, current.username)
        before = previous()
        if before and before.username != current.username:
            before = None
        for kept, older in ((current, before), (before, None)):
            if kept is None:
                continue
            try:
                self._add(kept, pending, older)
            except AuthenticationError:
                continue
            return
        raise abandoned(current, "nor is AWSPREVIOUS")

    def test_secret(self, pending: DatabaseLogin, current: DatabaseLogin) -> None:
        """See `Rotator`. The user is the same, so are its privileges."""
        require_holder(pending, current.username)
        self.system.sign_in(pending)

    def retire(self, old: DatabaseLogin, current: DatabaseLogin) -> None:
        """See `Rotator`. Its sessions end with those of `current`, which are not told apart."""
        require_holder(old, current.username)
        try:
            self._vouched(current, lambda session: self.system.drop_others(session, current))
        except AuthenticationError:
            raise abandoned(current, "so the others may be all that is") from None

    def _add(
        self, kept: DatabaseLogin, pending: DatabaseLogin, older: DatabaseLogin | None
    ) -> None:
        self._vouched(kept, lambda session: self.system.add_password(session, kept, pending, older))

    def _vouched(self, user: DatabaseLogin, act: Callable[[DatabaseLogin], None]) -> None:
        """Act for a user that proves itself. Raises `AuthenticationError` where it does not."""
        self.system.sign_in(user)
        if self.means.admin(user) is None:
            act(user)
        else:
            self.means.as_admin(user, act)
