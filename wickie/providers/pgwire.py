"""
A PostgreSQL session over verified TLS, with its failures told apart.

The driver is handed a socket that is already secured: left to itself it encrypts without
verifying, and reads a server that hangs up as one that refuses TLS.
"""

from __future__ import annotations

import importlib
import struct
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Protocol

from wickie.errors import (
    AuthenticationError,
    ProviderError,
    ProviderUnavailableError,
    redacted,
)
from wickie.providers.tls import connected, no_tls, plaintext_wanted, secured

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from wickie.credentials import DatabaseLogin


class Session(Protocol):
    """What is used of the driver, which carries no types."""

    def run(self, sql: str, **params: str) -> list[list[Any]]:
        """Run a statement; `:name` in it stands for a parameter."""


def driver() -> Any:
    """pg8000. Importing it takes a third of a cold createSecret, which asks no server."""
    return importlib.import_module("pg8000.native")


def identifier(name: str) -> str:
    """Quote a name."""
    quoted: str = driver().identifier(name)
    return quoted


def literal(text: str) -> str:
    """Quote a string."""
    quoted: str = driver().literal(text)
    return quoted


APPLICATION: Final = "wickie"
"""Our name in the server's list of sessions."""
_LIMITS: Final = "set statement_timeout = '10s'; set lock_timeout = '5s'"

# https://www.postgresql.org/docs/current/protocol-message-formats.html (SSLRequest)
_SSL_REQUEST: Final = struct.pack("!ii", 8, 80877103)

# https://www.postgresql.org/docs/current/errcodes-appendix.html
_PASSWORD_REFUSED: Final = frozenset({"28P01", "28000"})
_ASK_AGAIN: Final = frozenset({"53300", "57P01", "57P02", "57P03", "55P03", "57014", "40P01"})
_NOT_PERMITTED: Final = "42501"
_UNKNOWN_METHOD: Final = "Authentication method"
"""How the driver begins to say that it knows no answer to what the server asked for."""


@contextmanager
def session(
    login: DatabaseLogin, ca_bundle: str | None, limits: str | None = None
) -> Iterator[Session]:
    """
    Sign in as `login`; errors are those of `Provider.sign_in`, in the body too.

    `limits` is the statement that bounds how long the server works for us.
    """
    place = f"{login.host}:{login.port}"
    with _errors_of(login, place), _dial(login, place, ca_bundle) as sock:
        connection = driver().Connection(
            login.username,
            password=login.password.reveal(),
            database=login.dbname or "postgres",
            application_name=APPLICATION,
            sock=sock,
            ssl_context=False,  # `sock` is secured already, where it is to be
        )
        try:
            connection.run(limits or _LIMITS)
            yield connection
        finally:
            connection.close()


@contextmanager
def _errors_of(login: DatabaseLogin, place: str) -> Iterator[None]:
    with redacted(login.password):  # what else a driver raises when it is not answered in kind
        try:
            yield
        except driver().DatabaseError as error:
            raise _refusal(error.args[0], login, place) from None
        except (driver().InterfaceError, OSError) as error:
            if _UNKNOWN_METHOD in str(error):
                raise ProviderError(
                    f"{place} asks {login.username} for an authentication that wickie does not "
                    f"speak; in Redshift that is a sha256 password: set one once as plain or md5"
                ) from None
            raise ProviderUnavailableError(
                f"{place} stopped answering {login.username} ({type(error).__name__}); "
                f"try again later"
            ) from None


def _refusal(answer: dict[str, str], login: DatabaseLogin, place: str) -> ProviderError:
    """
    Read the server's error response.

    28000 also says that pg_hba.conf has no line for this client, which is decided (routine
    ClientAuthentication) before any password is looked at and so tells nothing about it.
    """
    code, text = answer.get("C", ""), " ".join(answer.get("M", "").split())
    if code in _PASSWORD_REFUSED and answer.get("R") != "ClientAuthentication":
        return AuthenticationError(f"{place} does not honour the password of {login.username}")
    if code in _ASK_AGAIN:
        return ProviderUnavailableError(f"{place} cannot serve {login.username} now: {text}")
    if code == _NOT_PERMITTED:
        return ProviderError(
            f"{login.username} lacks a privilege at {place}: {text}; grant it, and where it "
            f"concerns a role: GRANT <role> TO {login.username} WITH ADMIN OPTION"
        )
    return ProviderError(f"{place} refused {login.username}: {text} ({code})")


@contextmanager
def _dial(login: DatabaseLogin, place: str, ca_bundle: str | None) -> Iterator[socket.socket]:
    with connected(login) as plain:
        if plaintext_wanted(login):
            yield plain
            return
        _ask_for_tls(plain, place)
        with secured(plain, login, ca_bundle) as secure:
            yield secure


def _ask_for_tls(plain: socket.socket, place: str) -> None:
    plain.sendall(_SSL_REQUEST)
    answer = plain.recv(1)
    if answer == b"N":
        raise no_tls(place)
    if answer != b"S":
        raise ProviderUnavailableError(f"{place} hung up before TLS; try again later")
