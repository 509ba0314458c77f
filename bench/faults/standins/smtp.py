"""A small SMTP server that signs people in as SES does: over TLS, by an IAM key's password."""

from __future__ import annotations

import base64
import socketserver
import ssl
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from local.certificates import make_certificates

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def derived(secret_key: str, region: str) -> str:
    """SES's password of a key, by botocore's signer: no code of wickie's is in it."""
    request = AWSRequest(method="GET", url="")
    request.context["timestamp"] = "11111111T000000Z"
    signer = SigV4Auth(Credentials("", secret_key), "ses", region)
    return base64.b64encode(
        b"\x04" + bytes.fromhex(signer.signature("SendRawEmail", request))
    ).decode()


@dataclass
class SmtpServer:
    """Listens on a free port of localhost. Use as a context manager."""

    secret_of: Callable[[str], str | None]
    """The secret key by which a key id is honoured now."""
    region: str
    folder: Path
    starttls: bool = True
    tls_first: bool = False
    name: str = "localhost"
    trouble: bytes = b""
    """Answered to whoever signs in, in the place of a verdict."""
    in_clear: list[str] = field(default_factory=list)
    """What was said before TLS."""

    def __enter__(self) -> Self:
        certificates = make_certificates((self.name,))
        self.ca = self.folder / "ca.pem"
        self.ca.write_text(certificates.ca_pem)
        pair = self.folder / "server.pem"
        pair.write_text(certificates.key_pem + certificates.certificate_pem)
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(pair)
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.port: int = self._server.server_address[1]
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[socketserver.BaseRequestHandler]:
        smtp = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with suppress(OSError):  # clients that do not trust us hang up
                    _Session(smtp, self.request).run()

        return Handler

    def verdict(self, username: str, password: str) -> bytes:
        if self.trouble:
            return self.trouble
        secret = self.secret_of(username)
        if secret is None or derived(secret, self.region) != password:
            return b"535 Authentication Credentials Invalid"
        return b"235 Authentication successful."


class _Session:
    """One connection."""

    def __init__(self, server: SmtpServer, sock: Any) -> None:
        self._server, self._sock = server, sock
        self._secured = False
        if server.tls_first:
            self._secure()
        self._lines = self._sock.makefile("rb")

    def run(self) -> None:
        self._say(b"220 localhost ESMTP")
        for line in iter(self._hear, None):
            verb = line.upper()
            if verb.startswith("EHLO"):
                offer = b"AUTH PLAIN LOGIN" if self._secured else b"STARTTLS"
                offered = self._secured or self._server.starttls
                self._say(b"250-localhost\r\n250 " + (offer if offered else b"HELP"))
            elif verb == "STARTTLS":
                self._say(b"220 Ready")
                self._secure()
                self._lines = self._sock.makefile("rb")
            elif verb.startswith("AUTH PLAIN ") and self._secured:
                _, user, password = base64.b64decode(line.split()[2]).decode().split("\0")
                self._say(self._server.verdict(user, password))
            elif verb == "QUIT":
                self._say(b"221 Bye")
                return
            else:
                self._say(b"500 ?")

    def _secure(self) -> None:
        self._sock = self._server.tls.wrap_socket(self._sock, server_side=True)
        self._secured = True

    def _say(self, text: bytes) -> None:
        self._sock.sendall(text + b"\r\n")

    def _hear(self) -> str | None:
        line = self._lines.readline().decode().strip()
        if line and not self._secured:
            self._server.in_clear.append(line)
        return line or None
