"""Accounts of MySQL and MariaDB, and how one is kept like another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wickie.errors import ConfigError, ProviderError
from wickie.providers.mygrants import Privilege, changes, read_grants, settings
from wickie.providers.mywire import account

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wickie.providers.mywire import Session

_ROUNDS: Final = 5

MARK: Final = Privilege("LOCK TABLES", "`wickie-clone`.*")
"""
What a clone is known by: a useless privilege on a database that does not exist.

MariaDB has no other place to note on an account whose it is.
"""


@dataclass(frozen=True)
class Account:
    """A row of mysql.user."""

    user: str
    host: str
    plugin: str
    """By which it signs in."""

    def __str__(self) -> str:
        return account(self.user, self.host)


def sole(accounts: Sequence[Account], user: str, place: str) -> Account:
    """
    Return the one account there is of a user. Raises `ConfigError` for none, and for several.

    With two, the secret's password vouches for the one that its rotation function may sign in
    to; whoever may write the secret could have the other reset.
    """
    if not accounts:
        raise ConfigError(
            f"user {user} does not exist at {place}; make it, or correct username in the secret"
        )
    if len(accounts) > 1:
        raise ConfigError(
            f"user {user} has {len(accounts)} accounts at {place} "
            f"({', '.join(map(str, accounts))}); keep one, or use single-user"
        )
    return accounts[0]


def claim(connection: Session, base: Account, clone: Account, found: Sequence[Account]) -> None:
    """
    Mark `clone`, unless it is somebody else's. Raises `ConfigError` then.

    An account that may do nothing is one that we made and died before marking it.
    """
    at_home = [(other.user, other.host) for other in found] == [(clone.user, clone.host)]
    has = grants_of(connection, clone) if at_home else frozenset()
    if not at_home or (has and MARK not in has):
        raise ConfigError(
            f"{' and '.join(map(str, found))} at {connection.login.host} is not marked as the "
            f"clone of {base}, so it is somebody else's; rename it, or GRANT {MARK} TO {clone} "
            f"if it is meant to be the clone"
        )
    if not has:
        connection.run(f"grant {MARK} to {clone}")


def liken(connection: Session, base: Account, clone: Account) -> None:
    """
    Give the clone what the base has, and take from it what the base has not.

    It may be in use meanwhile, so what stays is never taken for a moment, unless ALL PRIVILEGES
    shrink to a few.
    """
    texts = (connection.one(f"show create user {who}") for who in (base, clone))
    if clauses := settings(*texts):
        connection.run(f"alter user {clone} {clauses}")
    wanted = grants_of(connection, base) | {MARK}
    for _ in range(_ROUNDS):
        statements = changes(grants_of(connection, clone), wanted, str(clone))
        if not statements:
            return
        for statement in statements:
            connection.run(statement)
    raise ProviderError(
        f"{clone} at {connection.login.host} cannot be made like {base}: {statements[0]} is "
        f"without effect; use single-user for it"
    )


def grants_of(connection: Session, who: Account) -> frozenset[Privilege]:
    """Return what an account was granted."""
    return read_grants(row[0] for row in connection.run(f"show grants for {who}"))
