"""No test reaches a real AWS account or anything beyond this machine."""

from __future__ import annotations

import functools
import socket
from typing import Any

import pytest
from botocore.loaders import JSONFileLoader

from local.world import environment

# Each session reads AWS's models anew, which is most of what a test with a client takes.
JSONFileLoader._load_file = functools.cache(JSONFileLoader._load_file)

_connect = socket.socket.connect


def _loopback_only(self: socket.socket, address: Any) -> None:
    if self.family in (socket.AF_INET, socket.AF_INET6):
        host = str(address[0])
        if not (host.startswith("127.") or host in ("localhost", "::1", "0.0.0.0")):  # noqa: S104
            raise OSError(f"a test tried to reach {host}")
    _connect(self, address)


@pytest.fixture(autouse=True)
def _no_real_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment("").items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setattr(socket.socket, "connect", _loopback_only)
