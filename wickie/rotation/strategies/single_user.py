"""One user, one password."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wickie.errors import AuthenticationError
from wickie.rotation.strategies import abandoned, require_holder

if TYPE_CHECKING:
    from collections.abc import Callable

    from wickie.credentials import DatabaseLogin
    from wickie.providers import Database
    from wickie.rotation.strategies import Means


@dataclass(frozen=True)
class SingleUser:
    """
    The user changes its own password. Clients holding the old one fail until they re-read.

    No administrator lends a hand: whoever may write the secret could name any user to reset.
    """

    database: Database
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
        """See `Rotator`. AWSPREVIOUS may sign in where AWSCURRENT never took."""
        require_holder(pending, current.username)
        for session in (lambda: current, previous):
            login = session()
            if login is None or login.username != current.username:
                continue
            try:
                self.database.set_password(login, pending)
            except AuthenticationError:
                continue
            return
        raise abandoned(current, "nor is AWSPREVIOUS")

    def test_secret(self, pending: DatabaseLogin, current: DatabaseLogin) -> None:
        """See `Rotator`. The role is the same, so are its privileges."""
        require_holder(pending, current.username)
        self.database.sign_in(pending)

    def retire(self, old: DatabaseLogin, current: DatabaseLogin) -> None:
        """See `Rotator`. The password died when the new one was set; its sessions did not."""
        require_holder(old, current.username)
        self.database.end_sessions(current)
