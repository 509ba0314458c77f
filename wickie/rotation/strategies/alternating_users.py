"""Two users who take turns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wickie.errors import AuthenticationError
from wickie.rotation.strategies import CLONE, abandoned, base_of, require_holder, require_rights

if TYPE_CHECKING:
    from collections.abc import Callable

    from wickie.credentials import DatabaseLogin
    from wickie.providers import Database
    from wickie.rotation.strategies import Means


@dataclass(frozen=True)
class AlternatingUsers:
    """Two users take turns, so the one in use keeps working. Needs an administrator."""

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
        base, clone = _pair(current)
        username = base if current.username == clone else clone
        return current.succeeded_by(username, self.means.passwords.draw())

    def set_secret(
        self,
        pending: DatabaseLogin,
        current: DatabaseLogin,
        previous: Callable[[], DatabaseLogin | None],
    ) -> None:
        """See `Rotator`."""
        del previous
        base, clone = _pair(current)
        require_holder(pending, base, clone)
        try:
            self.database.sign_in(current)
        except AuthenticationError:
            raise abandoned(current, "so nothing shows that this user is ours to change") from None
        self.means.as_admin(current, lambda a: self.database.set_twin(a, base, clone, pending))

    def test_secret(self, pending: DatabaseLogin, current: DatabaseLogin) -> None:
        """See `Rotator`. A current user that is refused has no rights to compare with."""
        base, clone = _pair(current)
        require_holder(pending, base, clone)
        rights = self.database.sign_in(pending)
        if pending.username == current.username:
            return
        try:
            wanted = self.database.sign_in(current)
        except AuthenticationError:
            return
        require_rights(pending, rights, current, wanted)

    def retire(self, old: DatabaseLogin, current: DatabaseLogin) -> None:
        """
        See `Rotator`.

        The user of `old` gets a password that nobody knows, then ends its own sessions with it:
        an administrator who is no superuser (as on RDS) may set it, but not end them.
        """
        base, clone = _pair(current)
        require_holder(old, base, clone)
        last = current
        if old.username != current.username:
            last = old.succeeded_by(old.username, self.means.passwords.draw())
            self.means.as_admin(current, lambda admin: self.database.set_password(admin, last))
        self.database.end_sessions(last)


def _pair(login: DatabaseLogin) -> tuple[str, str]:
    base = base_of(login.username)
    return base, base + CLONE
