"""
Where a rotation touches the outside: every AWS call, every exchange over any other socket.

Found from below, so that no driver needs code of its own here: boto3's calls all pass
`BaseClient._make_api_call`, those of wickie's own clients `JsonClient.call`, and a driver written
in Python ends in `socket.socket` or `ssl.SSLSocket`. What is sent until an answer is read counts as
one call.
"""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from unittest.mock import patch

from botocore.client import BaseClient
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from bench.faults.fuse import Call
from wickie.awsjson import JsonClient
from wickie.awsjson.errors import UnansweredError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bench.faults.fuse import Fuse


_threads: Final[dict[int, Fuse]] = {}


def fuse_here() -> Fuse | None:
    """The fuse that this thread's next call goes through, if one does."""
    found = _threads.get(threading.get_ident())
    return None if found is None or found.busy else found


@contextmanager
def watched(by: Fuse) -> Iterator[None]:
    """Have every call of this thread's go through a fuse; one that does already waits."""
    thread = threading.get_ident()
    with ExitStack() as stack:
        for owner, names, wrap in _PATCHES:
            for name in names:
                stack.enter_context(patch.object(owner, name, wrap(name, getattr(owner, name))))
        if outer := _threads.get(thread):
            stack.callback(_threads.__setitem__, thread, outer)
        else:
            stack.callback(_threads.pop, thread)
        stack.callback(by.bury)
        _threads[thread] = by
        yield


def _over(sock: socket.socket, name: str) -> Callable[[int], Call]:
    def cut() -> Exception:
        with suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
        return ConnectionResetError(104, "Connection reset by peer")

    return lambda number: Call(number, name, False, cut, lambda: TimeoutError("timed out"))


def _to_aws(client: Any, operation: str) -> Callable[[int], Call]:
    url = client.meta.endpoint_url
    name = f"{client.meta.service_model.service_name} {operation}"
    return lambda number: Call(
        number,
        name,
        True,
        lambda: EndpointConnectionError(endpoint_url=url),
        lambda: ReadTimeoutError(endpoint_url=url),
        lambda code, text: ClientError(_error(code, text), operation),
    )


def _to_aws_in_json(client: JsonClient, operation: str) -> Callable[[int], Call]:
    def silence() -> Exception:
        return UnansweredError(f"{operation} was not answered")

    name = f"{client.scope.service} {operation}"
    return lambda number: Call(
        number,
        name,
        True,
        silence,
        silence,
        lambda code, text: getattr(client.exceptions, code)(_error(code, text), operation),
    )


def _error(code: str, text: str) -> Any:
    return {"Error": {"Code": code, "Message": text}}


def _writing(_name: str, original: Any) -> Any:
    def write(sock: socket.socket, *args: Any, **more: Any) -> Any:
        by = fuse_here()
        ask = partial(original, sock, *args, **more)
        return by.write(sock, _over(sock, "exchange"), ask) if by else ask()

    return write


def _reading(_name: str, original: Any) -> Any:
    def read(sock: socket.socket, *args: Any, **more: Any) -> Any:
        by = fuse_here()
        ask = partial(original, sock, *args, **more)
        return by.read(sock, ask) if by else ask()

    return read


def _one_call(name: str, original: Any) -> Any:
    def call(sock: socket.socket, *args: Any) -> Any:
        by, ask = fuse_here(), partial(original, sock, *args)
        if by is None:
            return ask()
        by.sockets.add(sock)
        return by.through(_over(sock, name), ask)

    return call


def _aws_call(_name: str, original: Any) -> Any:
    def call(client: Any, operation: str, parameters: Any) -> Any:
        by, ask = fuse_here(), partial(original, client, operation, parameters)
        told = _to_aws_in_json if isinstance(client, JsonClient) else _to_aws
        return by.through(told(client, operation), ask) if by else ask()

    return call


_WRITES: Final = ("send", "sendall", "sendmsg")
_READS: Final = ("recv", "recv_into", "recvmsg")
_PATCHES: Final[tuple[tuple[Any, tuple[str, ...], Callable[[str, Any], Any]], ...]] = (
    (BaseClient, ("_make_api_call",), _aws_call),
    (JsonClient, ("call",), _aws_call),
    (socket.socket, ("connect",), _one_call),
    (ssl.SSLSocket, ("do_handshake",), _one_call),
    (socket.socket, _WRITES, _writing),
    (ssl.SSLSocket, ("send", "sendall"), _writing),
    (socket.socket, _READS, _reading),
    (ssl.SSLSocket, ("read", "recv", "recv_into"), _reading),
)
