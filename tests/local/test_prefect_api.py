"""The demo once failed because the server's SQLite was busy at one moment."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
import pytest

from local.prefect_api import prefect_api


@pytest.fixture
def busy_server():
    """Answers 503 twice, then echoes what it is sent."""
    seen: list[bytes] = []

    class Busy(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            seen.append(body)
            status = 503 if len(seen) < 3 else int(self.path.rpartition("/")[2])
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Busy) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/api", seen
        server.shutdown()


def test_a_busy_server_is_asked_again_with_the_same_body(busy_server):
    url, seen = busy_server
    with prefect_api(url) as api:
        reply = api.post("echo/200", json={"leak": False})
    assert reply.json() == {"leak": False}
    assert [json.loads(body) for body in seen] == [{"leak": False}] * 3


def test_any_other_refusal_is_told(busy_server):
    url, _ = busy_server
    with prefect_api(url) as api, pytest.raises(httpx.HTTPStatusError):
        api.post("echo/409", json={}).raise_for_status()
