"""The strategies, by AWS's names, each over any database that can do what it needs."""

from __future__ import annotations

import secrets
import string
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wickie.errors import AuthenticationError, ConfigError, RotationError
from wickie.fingerprints import publishable
from wickie.model import Sensitive
from wickie.providers import same_server

if TYPE_CHECKING:
    from collections.abc import Callable

    from wickie.model import DatabaseLogin
    from wickie.providers import Database

_ALPHABET: Final = string.ascii_letters + string.digits
_LENGTH: Final = 32
_CLONE: Final = "_clone"
_ADMIN_PAUSE: Final = 1.0


def new_password() -> Sensitive:
    """
    Make 190 random bits that survive any URL, DSN, shell and configuration file unquoted.

    Made here and not by GetRandomPassword, which is one more call that can fail and one more
    place that has seen the value. One in a thousand looks too much like words for its
    fingerprint to be published; a leak of it would go unseen, so another is drawn.
    """
    while True:
        text = "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
        if publishable(text):
            return Sensitive(text)


@dataclass(frozen=True)
class SingleUser:
    """
    The user changes its own password. Clients holding the old one fail until they re-read.

    No administrator lends a hand: whoever may write the secret could name any user to reset.
    """

    database: Database

    def create_secret(self, current: DatabaseLogin) -> DatabaseLogin:
        """See `Rotator`."""
        return current.succeeded_by(current.username, new_password())

    def set_secret(
        self, pending: DatabaseLogin, current: DatabaseLogin, previous: DatabaseLogin | None
    ) -> None:
        """See `Rotator`. AWSPREVIOUS may sign in where AWSCURRENT never took."""
        _same_user(pending, current)
        if previous is not None and previous.username != current.username:
            previous = None
        for session in filter(None, (current, previous)):
            try:
                self.database.set_password(session, pending)
            except AuthenticationError:
                continue
            return
        raise _abandoned(current, "nor is AWSPREVIOUS")

    def test_secret(self, pending: DatabaseLogin, current: DatabaseLogin) -> None:
        """See `Rotator`. The role is the same, so are its privileges."""
        _same_user(pending, current)
        self.database.sign_in(pending)

    def retire(self, old: DatabaseLogin, current: DatabaseLogin) -> None:
        """See `Rotator`. The password died when the new one was set; its sessions did not."""
        _same_user(old, current)
        self.database.end_sessions(current)


@dataclass(frozen=True)
class AlternatingUsers:
    """Two users take turns, so the one in use keeps working. Needs an administrator."""

    database: Database
    admin: Callable[[], DatabaseLogin] | None

    def create_secret(self, current: DatabaseLogin) -> DatabaseLogin:
        """See `Rotator`."""
        base, clone = _pair(current)
        return current.succeeded_by(base if current.username == clone else clone, new_password())

    def set_secret(
        self, pending: DatabaseLogin, current: DatabaseLogin, previous: DatabaseLogin | None
    ) -> None:
        """See `Rotator`."""
        del previous
        base, clone = _pair(current)
        _one_of(pending, base, clone)
        try:
            self.database.sign_in(current)
        except AuthenticationError:
            raise _abandoned(current, "so nothing shows that this user is ours to change") from None
        self._as_admin(current, lambda a: self.database.set_twin(a, base, clone, pending))

    def test_secret(self, pending: DatabaseLogin, current: DatabaseLogin) -> None:
        """See `Rotator`. The clone must act as the very role that the base user acts as."""
        base, clone = _pair(current)
        _one_of(pending, base, clone)
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
        _one_of(old, base, clone)
        last = current
        if old.username != current.username:
            last = old.succeeded_by(old.username, new_password())
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
        if self.admin is None:
            raise ConfigError(
                f"alternating-users needs an administrator for {current.host}; set master in "
                f"wickie.yaml or masterarn in the secret"
            )
        admin = self.admin()
        if not same_server(admin, current):
            raise ConfigError(
                f"the administrator's secret is for {admin.host}:{admin.port} and the user's for "
                f"{current.host}:{current.port}; make engine, host and port the same"
            )
        return admin


def _pair(login: DatabaseLogin) -> tuple[str, str]:
    base = login.username.removesuffix(_CLONE)
    return base, base + _CLONE


def _one_of(login: DatabaseLogin, *usernames: str) -> None:
    if login.username not in usernames:
        raise RotationError(
            f"the version is for user {login.username}, AWSCURRENT for {' or '.join(usernames)}; "
            f"abandoned, remove the AWSPENDING label and rotate again"
        )


def _same_user(login: DatabaseLogin, current: DatabaseLogin) -> None:
    _one_of(login, current.username)


def _abandoned(current: DatabaseLogin, why: str) -> RotationError:
    return RotationError(
        f"AWSCURRENT is not honoured for {current.username} at {current.host}, {why}; "
        f"abandoned, put the working password into the secret"
    )
