"""An Oracle session over verified TLS, with its failures told apart. The driver's thin mode."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Protocol

import oracledb

from wickie.errors import (
    AuthenticationError,
    ConfigError,
    ProviderError,
    ProviderUnavailableError,
    redacted,
)
from wickie.providers.tls import CONNECT_SECONDS, plaintext_wanted, require_reachable, trust

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wickie.credentials import DatabaseLogin, Sensitive

_OWN_PORT: Final = "Oracle's TLS listens on a port of its own, such as 2484"
_ANSWER_MILLISECONDS: Final = 15_000

# https://docs.oracle.com/en/error-help/db/
_REFUSED: Final = "ORA-01017"
_REMEDIES: Final = {
    "ORA-28000": "the account is locked, which tells nothing about its password: ACCOUNT UNLOCK",
    "ORA-28001": "the password has expired; set one, and a profile with PASSWORD_LIFE_TIME",
    "ORA-01045": "it lacks CREATE SESSION; grant it",
    "ORA-12514": "the listener knows no such service; correct dbname in the secret",
    "ORA-12505": "the listener knows no such SID; put the service's name into dbname",
    "DPY-6001": "the listener knows no such service; correct dbname in the secret",
    "DPY-3010": "its version is too old for the driver's thin mode, which takes 12.1 and newer",
    "DPY-3015": "its password has a verifier older than 12.1's; set it once anew",
}
_ASK_AGAIN: Final = frozenset(
    {
        "ORA-00018",
        "ORA-00020",
        "ORA-00054",
        "ORA-00060",
        "ORA-01033",
        "ORA-01034",
        "ORA-01089",
        "ORA-01090",
        "ORA-03113",
        "ORA-03114",
        "ORA-03135",
        "ORA-04021",
        "ORA-12516",
        "ORA-12519",
        "ORA-12520",
        "ORA-12528",
        "ORA-12537",
        "ORA-12541",
        "ORA-12547",
        "ORA-00028",
        "DPY-1001",
        "DPY-4011",
        "DPY-4024",
        "DPY-6005",
        "DPY-6000",
    }
)
_NOT_PERMITTED: Final = frozenset({"ORA-00942", "ORA-01031", "ORA-01749", "ORA-01919", "ORA-01932"})


class Session(Protocol):
    """What is used of a connection."""

    def run(self, sql: str, **params: str) -> list[tuple[Any, ...]]:
        """Run a statement and return its rows; `:name` in it stands for a parameter."""

    def change_password(self, old: str, new: str) -> None:
        """Change the session's own password in the protocol, by no statement."""


class _Thin:
    """The driver's connection as a `Session`."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.change_password = connection.changepassword

    def run(self, sql: str, **params: str) -> list[tuple[Any, ...]]:
        with self._connection.cursor() as cursor:
            cursor.execute(sql, params)
            return list(cursor.fetchall()) if cursor.description else []


def identifier(name: str) -> str:
    """Quote a name. No name of Oracle's has a double quote in it, nor is there an escape."""
    if '"' in name or "\0" in name:
        raise ConfigError('Oracle has no way to write a name or password with " in it; change it')
    return f'"{name}"'


_ORDINARY: Final = re.compile(r"[^\W\d_][\w$#]*")


def folded(username: str) -> str:
    """Name a user as the catalog does. Raises `ConfigError` for names that need quotes."""
    if not _ORDINARY.fullmatch(username):
        raise ConfigError(
            f"username {username} would need quotes in Oracle, which wickie does not take; use "
            f"letters, digits, _, $ and #"
        )
    return username.upper()


@contextmanager
def session(login: DatabaseLogin, ca_bundle: str | None, *others: Sensitive) -> Iterator[Session]:
    """
    Sign in as `login`; errors are those of `Provider.sign_in`, in the body too.

    Their texts hold neither its password nor any of `others`.
    """
    secrets = login.password, *others
    place = f"{login.host}:{login.port}"
    context = None if plaintext_wanted(login) else trust(login, ca_bundle)
    require_reachable(login, context, _OWN_PORT)
    with redacted(*secrets), _errors_of(login, place, *secrets):
        connection = oracledb.connect(
            user=login.username,
            password=login.password.reveal(),
            host=login.host,
            port=login.port,
            service_name=login.dbname,
            protocol="tcps" if context else "tcp",
            ssl_context=context,
            ssl_server_dn_match=True,
            tcp_connect_timeout=CONNECT_SECONDS,
            retry_count=0,
            program="wickie",
        )
        try:
            connection.call_timeout = _ANSWER_MILLISECONDS
            yield _Thin(connection)
        finally:
            connection.close()


@contextmanager
def _errors_of(login: DatabaseLogin, place: str, *secrets: Sensitive) -> Iterator[None]:
    try:
        yield
    except oracledb.Error as error:
        details = error.args[0]
        text = " ".join(str(details.message).split())
        for secret in secrets:
            text = text.replace(secret.reveal(), "[redacted]")
        raise _refusal(details.full_code, text, login, place) from None


def _refusal(code: str, text: str, login: DatabaseLogin, place: str) -> ProviderError:
    if code == _REFUSED:
        return AuthenticationError(f"{place} does not honour the password of {login.username}")
    if code in _REMEDIES:
        return ProviderError(f"{place} refused {login.username}: {_REMEDIES[code]}")
    if code in _ASK_AGAIN:
        return ProviderUnavailableError(f"{place} cannot serve {login.username} now: {text}")
    if code in _NOT_PERMITTED:
        return ProviderError(f"{login.username} lacks a privilege at {place}: {text}; grant it")
    return ProviderError(f"{place} refused {login.username}: {text}")
