"""Connections to one endpoint, kept from call to call: over verified TLS, never redirected."""

from __future__ import annotations

import functools
import http.client
import select
import ssl
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

_CONNECT_SECONDS: Final = 5
_READ_SECONDS: Final = 60
_LONGEST: Final = 8 << 20
"""DynamoDB's pages, the largest there are, end at 1 MB and are written in base64."""


@dataclass(frozen=True)
class Answer:
    """What was answered."""

    status: int
    request_id: str
    body: bytes = field(repr=False)


class Connections:
    """An endpoint, and what is open to it."""

    def __init__(self, endpoint: str, ca_bundle: str | None = None) -> None:
        parts = urlsplit(endpoint)
        self._tls, self.host = parts.scheme == "https", parts.netloc
        self._place = (parts.hostname or "", parts.port)
        self._ca_bundle = ca_bundle
        self._idle: list[http.client.HTTPConnection] = []

    def post(self, headers: Mapping[str, str], body: bytes) -> Answer:
        """Send one request and read the answer. Raises `OSError`, or `http.client`'s errors."""
        connection, open_still = self._kept() or self._opened(), False
        try:
            connection.request("POST", "/", body, dict(headers))
            answer = connection.getresponse()
            told = Answer(answer.status, answer.headers.get("x-amzn-requestid", ""), _read(answer))
            open_still = not answer.will_close
        finally:
            # Wherever it broke off, what is in it is half of something.
            if open_still:
                self._idle.append(connection)
            else:
                connection.close()
        return told

    def _kept(self) -> http.client.HTTPConnection | None:
        """One that is open still: between invocations Lambda freezes us, and peers hang up."""
        while self._idle:
            connection = self._idle.pop()
            if connection.sock and not _readable(connection):
                return connection
            connection.close()
        return None

    def _opened(self) -> http.client.HTTPConnection:
        host, port = self._place
        connection = (
            http.client.HTTPSConnection(
                host, port, timeout=_CONNECT_SECONDS, context=_context(self._ca_bundle)
            )
            if self._tls
            else http.client.HTTPConnection(host, port, timeout=_CONNECT_SECONDS)
        )
        connection.connect()
        connection.sock.settimeout(_READ_SECONDS)
        return connection


def _readable(connection: http.client.HTTPConnection) -> bool:
    """Whether there is something unasked for to read: the end of the connection, as a rule."""
    poll = select.poll()
    poll.register(connection.sock, select.POLLIN)
    return bool(poll.poll(0))


def _read(answer: http.client.HTTPResponse) -> bytes:
    """All of the body. With its length known, `read()` alone tells when it was cut short."""
    if answer.length is not None and answer.length <= _LONGEST:
        return answer.read()
    body = b"" if answer.length else answer.read(_LONGEST + 1)
    if answer.length or len(body) > _LONGEST:
        raise http.client.HTTPException("the answer is too long")
    return body


@functools.cache  # to read the CAs takes longer than to ask
def _context(ca_bundle: str | None) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=ca_bundle or _of_botocore())


def _of_botocore() -> str | None:
    """The CAs that botocore, which is in Lambda's runtime, trusts; found without importing it."""
    spec = find_spec("botocore")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        bundle = Path(folder) / "cacert.pem"
        if bundle.is_file():
            return str(bundle)
    return None
