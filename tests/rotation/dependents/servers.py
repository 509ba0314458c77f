"""Small HTTP servers on this machine."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Request:
    """What a server was sent."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """An HTTP server on this machine that answers what it is scripted to, the last for ever."""

    url: str
    answers: list[int | tuple[int, dict[str, str], bytes]] = field(default_factory=lambda: [200])
    seen: list[Request] = field(default_factory=list)

    def answer(self, request: Request) -> tuple[int, dict[str, str], bytes]:
        self.seen.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return (answer, {}, b"") if isinstance(answer, int) else answer


@contextmanager
def serve(
    receiver_of: Callable[[str], Any], wrap: Callable[[Any], Any] = lambda s: s
) -> Iterator[Any]:
    """A server whose requests go to what `receiver_of` makes of its address: that is yielded."""
    holder: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def respond(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            request = Request(self.command, self.path, dict(self.headers), body)
            status, headers, answer = holder[0].answer(request)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(answer))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = respond  # noqa: N815  (http.server's names)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("localhost", 0), Handler)
    server.socket = wrap(server.socket)
    holder.append(receiver_of(f"localhost:{server.server_port}"))
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield holder[0]
    finally:
        server.shutdown()
        server.server_close()
