"""The made-up server of docs/rotators.md, real enough to be killed: passwords over TLS."""

from __future__ import annotations

import secrets
import socketserver
import ssl
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from local.certificates import make_certificates


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self) -> None:
        self.passwords: dict[str, str] = {}
        certificates = make_certificates(("localhost",))
        self.ca_pem = certificates.ca_pem
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(certificates.key_pem + certificates.certificate_pem)
            file.flush()
            self.context.load_cert_chain(Path(file.name))
        super().__init__(("127.0.0.1", 0), Session)

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def new_user(self) -> tuple[str, str]:
        name, password = f"u{secrets.token_hex(6)}", secrets.token_urlsafe(24)
        self.passwords[name] = password
        return name, password

    def handle_error(self, *_: Any) -> None:
        """A client that hangs up is nothing to report."""


class Session(socketserver.BaseRequestHandler):
    server: Server

    def handle(self) -> None:
        user = None
        with self.server.context.wrap_socket(self.request, server_side=True) as sock:
            for line in sock.makefile("r"):
                word, *more = line.split()
                if word == "LOGIN":
                    user = more[0] if self.server.passwords.get(more[0]) == more[1] else None
                elif word == "PASSWORD" and user:
                    self.server.passwords[user] = more[0]
                sock.sendall(b"OK\n" if user else b"NO\n")


@contextmanager
def running() -> Iterator[Server]:
    with Server() as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server
        server.shutdown()
