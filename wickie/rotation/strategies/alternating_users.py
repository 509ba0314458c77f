"""Two users who take turns."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wickie.errors import AuthenticationError, ConfigError, RotationError
from wickie.rotation.strategies import CLONE, abandoned, base_of, require_holder

if TYPE_CHECKING:
    from collections.abc import Callable

    from wickie.credentials import DatabaseLogin
    from wickie.providers import Database
    from wickie.rotation.strategies import Means

_ADMIN_PAUSE: Final = 1.0


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
        self._as_admin(current, lambda a: self.database.set_twin(a, base, clone, pending))

    def test_secret(self, pending: DatabaseLogin, current: DatabaseLogin) -> None:
        """See `Rotator`. The clone must act as the very role that the base user acts as."""
        base, clone = _pair(current)
        require_holder(pending, base, clone)
        role = self.database.sign_in(pending)
        if pending.username == clone and current.username == base:
            wanted = self.database.sign_in(current)
            if role != wanted:
                raise AuthenticationError(
                    f"{clone} at {pending.host} acts as {role} and not as {wanted}, so it may do "
                    f"less; GRANT {wanted} TO {clone}, ALTER ROLE {clone} SET ROLE {wanted}"
                )

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
            self._as_admin(current, lambda admin: self.database.set_password(admin, last))
        self.database.end_sessions(last)

    def _as_admin(self, current: DatabaseLogin, act: Callable[[DatabaseLogin], None]) -> None:
        """Act as the administrator, whose own secret may be rotating at this moment."""
        try:
            act(self._admin_of(current))
        except AuthenticationError:
            time.sleep(_ADMIN_PAUSE)
            try:
                act(self._admin_of(current))
            except AuthenticationError as error:
                raise RotationError(
                    f"the administrator's secret is out of date: {error}; correct its value"
                ) from None

    def _admin_of(self, current: DatabaseLogin) -> DatabaseLogin:
        admin = self.means.admin(current)
        if admin.place != current.place:
            raise ConfigError(
                f"the administrator's secret is for {admin.host}:{admin.port} and the user's for "
                f"{current.host}:{current.port}; make engine, host and port the same"
            )
        return admin


def _pair(login: DatabaseLogin) -> tuple[str, str]:
    base = base_of(login.username)
    return base, base + CLONE
