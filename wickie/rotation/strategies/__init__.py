"""
The strategies, one module each: how a credential is succeeded by another.

`single-user` and `alternating-users` are AWS's names; `dual-password` and `dual-key` let the old
credential work beside the new one. Each works with any provider that has the methods it needs.
"""

from __future__ import annotations

import pkgutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from wickie.errors import ConfigError, RotationError
from wickie.rotation.passwords import PasswordPolicy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wickie.credentials import Credential, DatabaseLogin
    from wickie.rotation.driver import Rotator


@dataclass(frozen=True)
class Means:
    """What a strategy may use beside its provider."""

    admin: Callable[[DatabaseLogin], DatabaseLogin]
    """The administrator of the server that a login is for, read anew at each call."""
    passwords: PasswordPolicy = PasswordPolicy()


class Strategy(Protocol):
    """How a rotator is made."""

    def __call__(self, provider: Any, means: Means, /) -> Rotator[Any]:
        """Combine a provider with the strategy."""


STRATEGIES: Final[Mapping[str, str]] = {
    "single-user": "wickie.rotation.strategies.single_user:SingleUser",
    "alternating-users": "wickie.rotation.strategies.alternating_users:AlternatingUsers",
}


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


def abandoned(current: Credential, why: str) -> RotationError:
    """What to raise where AWSCURRENT, which has to vouch for what follows, is not honoured."""
    return RotationError(
        f"AWSCURRENT is not honoured for {current.holder} at {current.place[1]}, {why}; "
        f"abandoned, put the working password into the secret"
    )
