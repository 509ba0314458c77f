"""A place on this machine that presigned URLs lead to."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Downloads:
    """What lies there by name, and what was fetched."""

    url: str
    files: dict[str, bytes] = field(default_factory=dict)
    fetched: list[str] = field(default_factory=list)

    def offer(self, name: str, content: bytes) -> str:
        """Put `content` there; returns its URL."""
        self.files[name] = content
        return f"{self.url}/{name}?X-Amz-Signature=secret"


@contextmanager
def serving() -> Iterator[Downloads]:
    """Serve until the end of the block; a name that ends in `.cut` breaks off half way."""

    class Door(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.partition("?")[0].lstrip("/")
            downloads.fetched.append(name)
            content = downloads.files.get(name)
            self.send_response(200 if content is not None else 403)
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            whole = content or b""
            self.wfile.write(whole[: len(whole) // 2] if name.endswith(".cut") else whole)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    downloads = Downloads(f"http://localhost:{server.server_port}")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield downloads
    finally:
        server.shutdown()
        server.server_close()
