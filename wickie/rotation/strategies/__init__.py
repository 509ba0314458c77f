"""
The strategies, one module each: how a credential is succeeded by another.

`single-user` and `alternating-users` are AWS's names; `dual-password` and `dual-key` let the old
credential work beside the new one. Each works with any provider that has the methods it needs.
"""

from __future__ import annotations

import pkgutil
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from wickie.errors import AuthenticationError, ConfigError, LesserRightsError, RotationError
from wickie.rotation.passwords import PasswordPolicy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wickie.credentials import Credential, DatabaseLogin
    from wickie.rotation.driver import Rotator
    from wickie.rotation.passwords import Passwords

_ADMIN_PAUSE: Final = 1.0


@dataclass(frozen=True)
class Means:
    """What a strategy may use beside its provider."""

    admin: Callable[[DatabaseLogin], DatabaseLogin | None]
    """The administrator of the server that a login is for, read anew at each call, if named."""
    passwords: Passwords = PasswordPolicy()
    seconds_left: Callable[[], float] = lambda: 60.0
    """Until the function is cut off."""

    def as_admin(self, user: DatabaseLogin, act: Callable[[DatabaseLogin], None]) -> None:
        """Act as the administrator, whose own secret may be rotating at this moment."""
        try:
            act(self._admin_of(user))
        except AuthenticationError:
            time.sleep(_ADMIN_PAUSE)
            try:
                act(self._admin_of(user))
            except AuthenticationError as error:
                raise RotationError(
                    f"the administrator's secret is out of date: {error}; correct its value"
                ) from None

    def _admin_of(self, user: DatabaseLogin) -> DatabaseLogin:
        admin = self.admin(user)
        if admin is None:
            raise ConfigError(
                f"this takes an administrator of {user.host}; set master in wickie.yaml or "
                f"masterarn in the secret"
            )
        if admin.place != user.place:
            raise ConfigError(
                f"the administrator's secret is for {admin.host}:{admin.port} and the user's for "
                f"{user.host}:{user.port}; make engine, host and port the same"
            )
        return admin


class Strategy(Protocol):
    """How a rotator is made."""

    def __call__(self, provider: Any, means: Means, /) -> Rotator[Any]:
        """Combine a provider with the strategy."""


STRATEGIES: Final[Mapping[str, str]] = {
    "single-user": "wickie.rotation.strategies.single_user:SingleUser",
    "alternating-users": "wickie.rotation.strategies.alternating_users:AlternatingUsers",
    "dual-key": "wickie.rotation.strategies.dual_key:DualKey",
    "dual-password": "wickie.rotation.strategies.dual_password:DualPassword",
}

WITH_MASTER: Final = frozenset({"alternating-users", "dual-password"})
"""Those that sign in as an administrator, where they cannot do without."""
WITH_PASSWORDS: Final = frozenset({"single-user", "alternating-users", "dual-password"})
"""Those that draw a password; any other has the system itself make the credential."""
WITH_TWO_KEYS: Final = frozenset({"dual-key"})
"""Those whose system may have no room for a third credential."""
WITH_OVERLAP: Final = frozenset({"alternating-users", "dual-password", "dual-key"})
"""Those by which the old credential still works beside the new one."""


def find_strategy(name: str) -> Strategy:
    """Import a strategy. Raises `ConfigError` naming the ones there are."""
    if name not in STRATEGIES:
        raise ConfigError(f"no strategy {name!r}; use one of {', '.join(sorted(STRATEGIES))}")
    strategy: Strategy = pkgutil.resolve_name(STRATEGIES[name])
    return strategy


CLONE: Final = "_clone"


def base_of(holder: str) -> str:
    """The user that stands for both of a pair who take turns."""
    return holder.removesuffix(CLONE)


def require_holder(credential: Credential, *holders: str) -> None:
    """Raise `RotationError` unless the credential is for one of `holders`."""
    if credential.holder not in holders:
        raise RotationError(
            f"the version is for user {credential.holder}, AWSCURRENT for "
            f"{' or '.join(holders)}; abandoned, run wickie repair, then rotate again"
        )


def require_rights(pending: Credential, rights: str, current: Credential, wanted: str) -> None:
    """
    Raise `LesserRightsError` unless `pending` has the very rights that `current` has.

    Both are what `Provider.sign_in` returned. Any difference counts: which of two texts says less
    is for a person to see.
    """
    if rights != wanted:
        raise LesserRightsError(
            f"{pending.holder} acts as {_beside(rights, wanted)} and {current.holder} as "
            f"{_beside(wanted, rights)}, so it may do less; make the rights of both equal at "
            f"{pending.place[1]}, then rotate again"
        )


def _beside(rights: str, others: str) -> str:
    """The parts of `rights` that `others` has not: a user may have hundreds."""
    has = others.split("; ")
    return "; ".join(part for part in rights.split("; ") if part not in has) or "no more than that"


def abandoned(current: Credential, why: str) -> RotationError:
    """What to raise where AWSCURRENT, which has to vouch for what follows, is not honoured."""
    return RotationError(
        f"AWSCURRENT is not honoured for {current.holder} at {current.place[1]}, {why}; "
        f"abandoned, put the working password into the secret"
    )
