"""Prefect's REST API for tests and the demo, asked as its own client asks it."""

from __future__ import annotations

import time
from typing import Final

import httpx

_PATIENCE: Final = 60.0
_PAUSE: Final = 0.3


class _BusyDatabase(httpx.HTTPTransport):
    """Asks again while the server answers 503, its way to say that SQLite is busy."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        deadline = time.monotonic() + _PATIENCE
        while True:
            response = super().handle_request(request)
            busy = response.status_code == httpx.codes.SERVICE_UNAVAILABLE
            if not busy or time.monotonic() > deadline:
                return response
            response.close()
            time.sleep(_PAUSE)


def prefect_api(url: str) -> httpx.Client:
    """A client of the API at `url`, to be closed by who asks for it."""
    return httpx.Client(base_url=url, timeout=30, transport=_BusyDatabase())
