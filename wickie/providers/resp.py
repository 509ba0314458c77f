"""
A Redis session over verified TLS, with its failures told apart.

RESP is five kinds of reply, so it is spoken here: importing redis-py takes a function longer
than all the rest of its start, and half a megabyte of its zip.

https://valkey.io/topics/protocol/
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from wickie.errors import (
    AuthenticationError,
    ProviderError,
    ProviderUnavailableError,
    redacted,
)
from wickie.providers.tls import connected, plaintext_wanted, secured

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from wickie.credentials import DatabaseLogin

_PASSWORD_REFUSED: Final = frozenset({"WRONGPASS", "NOAUTH"})
_ASK_AGAIN: Final = frozenset({"LOADING", "BUSY", "CLUSTERDOWN", "MASTERDOWN", "TRYAGAIN"})
_FULL: Final = "max number of clients"


class RefusedError(Exception):
    """The server's own error reply. Inside a `session` only: it leaves one in wickie's words."""

    @property
    def code(self) -> str:
        """The word it starts with, which is what programs may rely on."""
        return str(self).partition(" ")[0]


class Session:
    """One connection, signed in."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._replies = connection.makefile("rb")

    def run(self, *command: str) -> Any:
        """Run a command. Raises `RefusedError`."""
        return self._all([command])[0]

    def run_together(self, *commands: tuple[str, ...]) -> None:
        """Run commands in a transaction: all that was sent is done, whatever befalls us."""
        replies = self._all([("MULTI",), *commands, ("EXEC",)])
        _raise_first(replies[-1])

    def _all(self, commands: list[tuple[str, ...]]) -> list[Any]:
        self._connection.sendall(b"".join(map(_encoded, commands)))
        replies = [self._reply() for _ in commands]
        _raise_first(replies)
        return replies

    def _reply(self) -> Any:
        line = self._replies.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionResetError("closed")
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            return RefusedError(" ".join(rest.decode(errors="replace").split()))
        if kind == b"+":
            return rest.decode()
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self._bulk(int(rest))
        if kind == b"*":
            return None if rest == b"-1" else [self._reply() for _ in range(int(rest))]
        raise RefusedError("that is no RESP; check host and port in the secret")

    def _bulk(self, size: int) -> str:
        data = self._replies.read(size + 2)
        if len(data) != size + 2:
            raise ConnectionResetError("closed")
        return data[:-2].decode(errors="replace")


def _encoded(command: tuple[str, ...]) -> bytes:
    parts = [part.encode() for part in command]
    bulk = (b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)
    return b"*%d\r\n%s" % (len(parts), b"".join(bulk))


def _raise_first(replies: list[Any]) -> None:
    for reply in replies:
        if isinstance(reply, RefusedError):
            raise reply


@contextmanager
def session(login: DatabaseLogin, ca_bundle: str | None) -> Iterator[Session]:
    """Sign in as `login`; errors are those of `Provider.sign_in`, in the body too."""
    place = f"{login.host}:{login.port}"
    with _errors_of(login, place), _dial(login, place, ca_bundle) as connection:
        opened = Session(connection)
        opened.run("AUTH", login.username, login.password.reveal())
        yield opened


@contextmanager
def _errors_of(login: DatabaseLogin, place: str) -> Iterator[None]:
    with redacted(login.password):  # what else is raised on what is no Redis at all
        try:
            yield
        except RefusedError as error:
            raise _in_our_words(error, login, place) from None
        except OSError as error:
            raise ProviderUnavailableError(
                f"{place} stopped answering {login.username} ({type(error).__name__}); "
                f"try again later"
            ) from None


def _in_our_words(error: RefusedError, login: DatabaseLogin, place: str) -> ProviderError:
    """A server that knows no AUTH quotes its arguments, so they are taken out."""
    text = str(error).replace(login.password.reveal(), "[redacted]")
    if error.code in _PASSWORD_REFUSED:
        return AuthenticationError(f"{place} does not honour the password of {login.username}")
    if error.code in _ASK_AGAIN or _FULL in text:
        return ProviderUnavailableError(f"{place} cannot serve {login.username} now: {text}")
    if error.code == "NOPERM":
        return ProviderError(
            f"{login.username} lacks a right at {place}: {text}; grant it by ACL SETUSER, or "
            f"name an administrator as master in wickie.yaml"
        )
    return ProviderError(f"{place} refused {login.username}: {text}")


@contextmanager
def _dial(login: DatabaseLogin, place: str, ca_bundle: str | None) -> Iterator[socket.socket]:
    with connected(login) as plain:
        if plaintext_wanted(login):
            yield plain
            return
        try:
            secure = secured(plain, login, ca_bundle)
        except TimeoutError:  # Redis without TLS takes a handshake for half a command, and waits
            raise ProviderUnavailableError(
                f"{place} does not answer TLS; if it offers none and plaintext is acceptable, "
                f'set "ssl": false in the secret'
            ) from None
        with secure:
            yield secure
