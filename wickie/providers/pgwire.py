"""
A PostgreSQL session over verified TLS, with its failures told apart.

The driver is handed a socket that is already secured: left to itself it encrypts without
verifying, and reads a server that hangs up as one that refuses TLS.
"""

from __future__ import annotations

import socket
import ssl
import struct
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Protocol

import pg8000.native

from wickie.errors import (
    AuthenticationError,
    ProviderError,
    ProviderUnavailableError,
    redacted,
)
from wickie.providers.tls import no_tls, plaintext_wanted, tls_failure, trust

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wickie.credentials import DatabaseLogin


class Session(Protocol):
    """What is used of the driver, which carries no types."""

    def run(self, sql: str, **params: str) -> list[list[Any]]:
        """Run a statement; `:name` in it stands for a parameter."""


identifier: Callable[[str], str] = pg8000.native.identifier
literal: Callable[[str], str] = pg8000.native.literal

CONNECT_SECONDS: Final = 5
_ANSWER_SECONDS: Final = 15
_LIMITS: Final = "set statement_timeout = '10s'; set lock_timeout = '5s'"

# https://www.postgresql.org/docs/current/protocol-message-formats.html (SSLRequest)
_SSL_REQUEST: Final = struct.pack("!ii", 8, 80877103)

# https://www.postgresql.org/docs/current/errcodes-appendix.html
_PASSWORD_REFUSED: Final = frozenset({"28P01", "28000"})
_ASK_AGAIN: Final = frozenset({"53300", "57P01", "57P02", "57P03", "55P03", "57014", "40P01"})
_NOT_PERMITTED: Final = "42501"


@contextmanager
def session(login: DatabaseLogin, ca_bundle: str | None) -> Iterator[Session]:
    """Sign in as `login`; errors are those of `Provider.sign_in`, in the body too."""
    place = f"{login.host}:{login.port}"
    with _errors_of(login, place), _dial(login, place, ca_bundle) as sock:
        make: Any = pg8000.native.Connection
        connection = make(
            login.username,
            password=login.password.reveal(),
            database=login.dbname or "postgres",
            application_name="wickie",
            sock=sock,
            ssl_context=False,  # `sock` is secured already, where it is to be
        )
        try:
            connection.run(_LIMITS)
            yield connection
        finally:
            connection.close()


@contextmanager
def _errors_of(login: DatabaseLogin, place: str) -> Iterator[None]:
    with redacted(login.password):  # what else a driver raises when it is not answered in kind
        try:
            yield
        except pg8000.native.DatabaseError as error:
            raise _refusal(error.args[0], login, place) from None
        except (pg8000.native.InterfaceError, OSError) as error:
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
    try:
        plain = socket.create_connection((login.host, login.port), CONNECT_SECONDS)
    except OSError as error:
        raise ProviderUnavailableError(
            f"cannot reach {place} ({error.strerror or error}); check host and port in the "
            f"secret, and the security group"
        ) from None
    with plain:
        if plaintext_wanted(login):
            plain.settimeout(_ANSWER_SECONDS)
            yield plain
            return
        with _secure(plain, login, place, ca_bundle) as secured:
            secured.settimeout(_ANSWER_SECONDS)
            yield secured


def _secure(
    plain: socket.socket, login: DatabaseLogin, place: str, ca_bundle: str | None
) -> ssl.SSLSocket:
    context = trust(login, ca_bundle)
    plain.sendall(_SSL_REQUEST)
    answer = plain.recv(1)
    if answer == b"N":
        raise no_tls(place)
    if answer != b"S":
        raise ProviderUnavailableError(f"{place} hung up before TLS; try again later")
    try:
        return context.wrap_socket(plain, server_hostname=login.host)
    except ssl.SSLError as error:
        raise tls_failure(place, error) from None
