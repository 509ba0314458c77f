"""
A SQL Server session over verified TLS, with its failures told apart.

The driver leaves TLS to pyOpenSSL, which is native code; here Python's own `ssl` does it.
"""

from __future__ import annotations

import socket
import ssl
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

import pytds  # type: ignore[import-untyped]

from wickie.errors import (
    AuthenticationError,
    ProviderError,
    ProviderUnavailableError,
    redacted,
)
from wickie.providers.tls import no_tls, plaintext_wanted, tls_failure, trust

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from wickie.credentials import DatabaseLogin, Sensitive


class Session(Protocol):
    """What is used of a connection."""

    def run(self, sql: str, *params: str | int) -> list[tuple[Any, ...]]:
        """Run a batch and return its rows; each `%s` in it stands for a parameter."""


APPLICATION: Final = "wickie"
"""Our name in the server's list of sessions."""
_CONNECT_SECONDS: Final = 5
_ANSWER_SECONDS: Final = 15
_PIECE: Final = 4096
_HANDSHAKE_PACKET: Final = 18  # PRELOGIN

# https://learn.microsoft.com/en-us/sql/relational-databases/errors-events/database-engine-events-and-errors
_PASSWORD_REFUSED: Final = frozenset({18456})
_REMEDIES: Final = {
    18452: "the login is not SQL Server's own; use one that has a password",
    18470: "the login is disabled, which tells nothing about its password: ALTER LOGIN … ENABLE",
    18486: "the login is locked, which tells nothing about its password: ALTER LOGIN … UNLOCK",
    18487: "the password has expired; set one, and CHECK_EXPIRATION = OFF",
    18488: "the password must be changed at first; set one without MUST_CHANGE",
}
_ASK_AGAIN: Final = frozenset({1205, 1222, 17142, 17197, 17809, 40197, 40501, 40613, 49918})
_NOT_PERMITTED: Final = frozenset({229, 230, 262, 297, 300, 6102, 15151, 15247})


class _Tds:
    """The driver's connection as a `Session`."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def run(self, sql: str, *params: str | int) -> list[tuple[Any, ...]]:
        with self._connection.cursor() as cursor:
            cursor.execute(sql, params or None)
            return list(cursor.fetchall()) if cursor.description else []


class _Secured:
    """The transport that the driver uses once TLS is up: `ssl` works on memory, it on packets."""

    def __init__(self, plain: Any, tls: ssl.SSLObject, inward: ssl.MemoryBIO, out: ssl.MemoryBIO):
        self._plain, self._tls, self._inward, self._out = plain, tls, inward, out
        self.settimeout, self.gettimeout = plain.settimeout, plain.gettimeout
        self.close = plain.close

    def sendall(self, data: bytes, flags: int = 0) -> None:
        del flags
        self._tls.write(data)
        self._plain.sendall(self._out.read())

    def recv_into(self, buffer: memoryview, size: int = 0, flags: int = 0) -> int:
        del flags
        while True:
            try:
                return cast("int", self._tls.read(size or len(buffer), cast("bytearray", buffer)))
            except ssl.SSLWantReadError:
                piece = self._plain.recv(_PIECE)
                if not piece:
                    return 0
                self._inward.write(piece)


def _establish_channel(session: Any) -> None:
    """Shake hands inside of PRELOGIN packets, as TDS 7 has it (MS-TDS 2.2.6.5)."""
    inward, out = ssl.MemoryBIO(), ssl.MemoryBIO()
    login = session.conn._login  # noqa: SLF001  (whoever establishes the channel is the driver)
    tls = login.tls_ctx.wrap_bio(inward, out, server_hostname=login.server_name)
    reader, writer = session._reader, session._writer  # noqa: SLF001
    while True:
        try:
            tls.do_handshake()
            break
        except ssl.SSLWantReadError:
            writer.begin_packet(_HANDSHAKE_PACKET)
            writer.write(out.read())
            writer.flush()
            reader.begin_response()
            while not reader.stream_finished():
                inward.write(reader.recv(_PIECE))
    secured = _Secured(session.conn.sock, tls, inward, out)
    session.conn.sock = reader._transport = writer._transport = secured  # noqa: SLF001


pytds.tls.OPENSSL_AVAILABLE = True
pytds.tls.create_context = lambda context: context
pytds.tls.establish_channel = _establish_channel


@contextmanager
def session(login: DatabaseLogin, ca_bundle: str | None, *others: Sensitive) -> Iterator[Session]:
    """
    Sign in as `login`; errors are those of `Provider.sign_in`, in the body too.

    Their texts hold neither its password nor any of `others`.
    """
    secrets = login.password, *others
    place = f"{login.host}:{login.port}"
    with redacted(*secrets), _errors_of(login, place, *secrets):
        connection = _connect(login, place, ca_bundle)
        try:
            opened = _Tds(connection)
            opened.run("set lock_timeout 5000")
            if login.dbname:
                opened.run(f"use {identifier(login.dbname)}")
            yield opened
        finally:
            connection.close()


def identifier(name: str) -> str:
    """Quote a name, whatever is in it."""
    return "[{}]".format(name.replace("]", "]]"))


def literal(text: str) -> str:
    """Quote a text, whatever is in it."""
    return "N'{}'".format(text.replace("'", "''"))


def _connect(login: DatabaseLogin, place: str, ca_bundle: str | None) -> Any:
    context = None if plaintext_wanted(login) else trust(login, ca_bundle)
    if context:  # what TDS 7 can carry; TLS 1.3 begins before PRELOGIN, in TDS 8
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    try:
        sock = socket.create_connection((login.host, login.port), _CONNECT_SECONDS)
    except OSError as error:
        raise ProviderUnavailableError(
            f"cannot reach {place} ({error.strerror or error}); check host and port in the "
            f"secret, and the security group"
        ) from None
    connect: Any = pytds.connect
    return connect(
        login.host,
        user=login.username,
        password=login.password.reveal(),
        port=login.port,
        sock=sock,
        cafile=context,
        appname=APPLICATION,
        autocommit=True,
        timeout=_ANSWER_SECONDS,
        login_timeout=_CONNECT_SECONDS,
        disable_connect_retry=True,
    )


@contextmanager
def _errors_of(login: DatabaseLogin, place: str, *secrets: Sensitive) -> Iterator[None]:
    try:
        yield
    except ssl.SSLError as error:
        raise tls_failure(place, error) from None
    except (pytds.Error, OSError) as error:
        cause = error.__cause__ if isinstance(error, TimeoutError) else None  # why it tried again
        raise _refusal(cause or error, _text(cause or error, secrets), login, place) from None


def _text(error: BaseException, secrets: Iterable[Sensitive]) -> str:
    text = " ".join(str(error.args[0] if error.args else error).split())
    for secret in secrets:
        text = text.replace(secret.reveal(), "[redacted]")
    return text


def _refusal(error: BaseException, text: str, login: DatabaseLogin, place: str) -> ProviderError:
    number = getattr(error, "number", 0)
    # A database that cannot be opened ends in 18456 too, after the message that says so.
    if number in _PASSWORD_REFUSED and error.args[0] == getattr(error, "text", ""):
        return AuthenticationError(f"{place} does not honour the password of {login.username}")
    if number in _REMEDIES:
        return ProviderError(f"{place} refused {login.username}: {_REMEDIES[number]}")
    if number in _ASK_AGAIN:
        return ProviderUnavailableError(f"{place} cannot serve {login.username} now: {text}")
    if number in _NOT_PERMITTED:
        return ProviderError(f"{login.username} lacks a permission at {place}: {text}; grant it")
    if number:
        return ProviderError(f"{place} refused {login.username}: {text} ({number})")
    return _without_answer(error, text, login, place)


def _without_answer(
    error: BaseException, text: str, login: DatabaseLogin, place: str
) -> ProviderError:
    """Read what the driver says of its own accord, which has no number."""
    if "not supported by server" in text or "unexpected ENCRYPT_ON" in text:
        return no_tls(place)
    if "required by server" in text:
        return ProviderError(f'{place} insists on TLS; take "ssl": false out of the secret')
    return ProviderUnavailableError(
        f"{place} stopped answering {login.username} ({type(error).__name__}); try again later"
    )
