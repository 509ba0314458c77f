"""
A session of SSH-2 by a user's key: signed in, and commands run in it.

RFC 4252 §7 (public keys), RFC 8709 (Ed25519), RFC 4254 §5 and §6.5 (channels, commands).
"""

from __future__ import annotations

import socket
import struct
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wickie.errors import (
    AuthenticationError,
    ProviderError,
    ProviderUnavailableError,
    redacted,
)
from wickie.providers.sshdata import string
from wickie.providers.sshwire import Transport
from wickie.providers.tls import ANSWER_SECONDS, CONNECT_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from wickie.credentials import Sensitive
    from wickie.providers.sshdata import Reader

_SERVICE_REQUEST, _SERVICE_ACCEPT = 5, 6
_AUTH_REQUEST, _AUTH_FAILURE, _AUTH_SUCCESS, _AUTH_BANNER = 50, 51, 52, 53
_GLOBAL_REQUEST, _REQUEST_FAILURE = 80, 82
_OPEN, _OPENED, _OPEN_FAILURE, _WINDOW = 90, 91, 92, 93
_DATA, _MORE_DATA, _EOF, _CLOSE, _REQUEST, _SUCCESS, _FAILURE = 94, 95, 96, 97, 98, 99, 100

_ALGORITHM: Final = "ssh-ed25519"
_RECEIVED_AT_MOST: Final = 1 << 20
"""The window that a command gets, and is never given more of."""
_PACKET: Final = 1 << 15


@dataclass(frozen=True)
class Door:
    """A user at a host, and the keys that the host may prove itself by."""

    host: str
    port: int
    user: str
    host_keys: Sequence[bytes]

    @property
    def place(self) -> str:
        """How it is named in errors."""
        return f"{self.host}:{self.port}"


@contextmanager
def session(door: Door, key: Ed25519PrivateKey, secret: Sensitive) -> Iterator[Session]:
    """Sign in with a key, of which `secret` is the text; errors are those of `sign_in`."""
    with redacted(secret):  # whatever comes of one that does not speak the protocol
        try:
            address = (door.host, door.port)
            with socket.create_connection(address, CONNECT_SECONDS) as connection:
                connection.settimeout(ANSWER_SECONDS)
                transport = Transport(connection, door.place, door.host_keys)
                _authenticate(transport, door.user, key)
                yield Session(transport)
        except OSError as error:
            raise ProviderUnavailableError(
                f"{door.place} does not answer {door.user} ({type(error).__name__}); check host "
                f"and port in the secret and the security group, or try again later"
            ) from None


def _authenticate(transport: Transport, user: str, key: Ed25519PrivateKey) -> None:
    """The request goes out with the one for its service: both are answered in turn."""
    blob = string(_ALGORITHM) + string(key.public_key().public_bytes_raw())
    request = bytes([_AUTH_REQUEST]) + string(user) + string("ssh-connection")
    request += string("publickey") + b"\1" + string(_ALGORITHM) + string(blob)
    signature = key.sign(string(transport.session_id) + request)
    transport.send(bytes([_SERVICE_REQUEST]) + string("ssh-userauth"))
    transport.send(request + string(string(_ALGORITHM) + string(signature)))
    number, reader = transport.receive()
    while number in (_SERVICE_ACCEPT, _AUTH_BANNER):
        number, reader = transport.receive()
    if number == _AUTH_SUCCESS:
        return
    if number != _AUTH_FAILURE:
        raise transport.unexpected(number)
    methods, partly = reader.names(), reader.byte()
    if partly:
        raise ProviderError(
            f"{transport.place} wants {' or '.join(methods)} beside the key of {user}; "
            f"let the key alone do for this user (AuthenticationMethods)"
        )
    if "publickey" not in methods:
        raise ProviderError(
            f"{transport.place} takes no keys of {user}; set PubkeyAuthentication in sshd_config"
        )
    raise AuthenticationError(f"{transport.place} does not honour the key for {user}")


class Session:
    """One connection, signed in."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._channels = 0

    def run(self, command: str, given: bytes = b"") -> tuple[int | None, bytes]:
        """Run a command with `given` to read; return its exit status and what it wrote."""
        channel = _Channel(self._transport, self._channels)
        self._channels += 1
        channel.begin(command)
        channel.give(given)
        return channel.end()


class _Channel:
    def __init__(self, transport: Transport, number: int) -> None:
        self._transport = transport
        self._written = b""
        self._status: int | None = None
        self._closed = False
        size = struct.pack(">III", number, _RECEIVED_AT_MOST, _PACKET)
        transport.send(bytes([_OPEN]) + string("session") + size)
        answer, reader = self._receive()
        reader.number()
        if answer == _OPEN_FAILURE:
            reader.number()
            raise ProviderError(f"{transport.place} opens no session: {reader.text()}")
        if answer != _OPENED:
            raise transport.unexpected(answer)
        self._to = struct.pack(">I", reader.number())
        self._window, self._packet = reader.number(), min(reader.number(), _PACKET)

    def begin(self, command: str) -> None:
        self._send(_REQUEST, string("exec") + b"\1" + string(command))

    def give(self, given: bytes) -> None:
        while given and not self._closed:
            size = min(self._window, self._packet, len(given))
            if not size:
                self._turn()
                continue
            self._send(_DATA, string(given[:size]))
            self._window -= size
            given = given[size:]
        self._send(_EOF)

    def end(self) -> tuple[int | None, bytes]:
        while not self._closed:
            self._turn()
        self._send(_CLOSE)
        return self._status, self._written

    def _turn(self) -> None:
        """Take in one message about this channel."""
        number, reader = self._receive()
        reader.number()
        if number == _WINDOW:
            self._window += reader.number()
        elif number == _DATA:
            self._written += reader.string()
            if len(self._written) >= _RECEIVED_AT_MOST:
                raise ProviderError(f"{self._transport.place} answers with more than a megabyte")
        elif number == _REQUEST and reader.text() == "exit-status":
            reader.byte()
            self._status = reader.number()
        elif number == _FAILURE:
            raise ProviderError(
                f"{self._transport.place} lets the key run no commands; a key that is to be "
                f"succeeded must be able to edit authorized_keys"
            )
        elif number == _CLOSE:
            self._closed = True
        elif number not in (_SUCCESS, _EOF, _MORE_DATA, _REQUEST):
            raise self._transport.unexpected(number)

    def _receive(self) -> tuple[int, Reader]:
        while True:
            number, reader = self._transport.receive()
            if number != _GLOBAL_REQUEST:
                return number, reader
            reader.string()
            if reader.byte():
                self._transport.send(bytes([_REQUEST_FAILURE]))

    def _send(self, number: int, more: bytes = b"") -> None:
        self._transport.send(bytes([number]) + self._to + more)
