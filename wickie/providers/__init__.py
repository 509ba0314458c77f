"""The systems that honour credentials: whether they still do, and how to change that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from wickie.errors import AuthenticationError, ConfigError, ProviderError
from wickie.model import Verdict
from wickie.providers.pgwire import address
from wickie.providers.postgres import Postgres

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wickie.model import DatabaseLogin


class Database(Protocol):
    """What rotation needs of a database engine; one module of this package per engine."""

    def sign_in(self, login: DatabaseLogin) -> str:
        """
        Sign in afresh as `login` and return the role whose privileges the session has.

        Raises:
            AuthenticationError: the server does not honour the credential.
            ProviderUnavailableError: the server could not be asked.
            ProviderError: it could not be asked safely (TLS), or refused for another reason.
        """

    def set_password(self, session: DatabaseLogin, target: DatabaseLogin) -> None:
        """Signed in as `session`, give `target.username` the password of `target`."""

    def set_twin(
        self, session: DatabaseLogin, base: str, clone: str, target: DatabaseLogin
    ) -> None:
        """
        As `set_password`, where `target` is one of two users who take turns.

        The clone is made if missing, acts as `base` in all it does, and owns nothing itself.
        """

    def end_sessions(self, user: DatabaseLogin) -> None:
        """Sign in as `user` and end every other session of that user."""


DATABASES: Final[Mapping[str, Callable[[str | None], Database]]] = {
    "postgres": Postgres,
    "aurora-postgresql": Postgres,
}
"""Engines by the name a secret's JSON gives them; each takes the path of extra trusted CAs."""


def open_database(engine: str, ca_bundle: str | None = None) -> Database:
    """Find the database of an engine. Raises `ConfigError` naming the ones there are."""
    if engine not in DATABASES:
        raise ConfigError(
            f"no provider for engine {engine!r}; set engine in the secret to one of "
            f"{', '.join(sorted(DATABASES))}"
        )
    return DATABASES[engine](ca_bundle)


def same_server(one: DatabaseLogin, other: DatabaseLogin) -> bool:
    """Whether two logins are for the same server: only then may one vouch for the other."""
    kinds = [DATABASES.get(login.engine, login.engine) for login in (one, other)]
    return kinds[0] == kinds[1] and address(one) == address(other)


def verify(database: Database, login: DatabaseLogin) -> tuple[Verdict, str]:
    """Ask whether a credential is still honoured, and say in a line what the answer rests on."""
    try:
        role = database.sign_in(login)
    except AuthenticationError as error:
        return Verdict.DEAD, str(error)
    except ProviderError as error:
        return Verdict.UNKNOWN, str(error)
    return Verdict.LIVE, f"{login.username} signs in at {login.host} and acts as {role}"
