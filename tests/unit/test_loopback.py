"""The guard that keeps the tests on this machine."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest
import urllib3

from tests import loopback

BEYOND = "192.0.2.1"  # RFC 5737: nobody's; without the guard it would be a timeout and no refusal


@pytest.fixture
def told() -> Iterator[list[str]]:
    """What the guard noted, taken back at the end so that the test may pass."""
    yield loopback.attempts
    loopback.attempts.clear()


@pytest.fixture
def guest() -> Iterator[socket.socket]:
    with socket.socket(type=socket.SOCK_DGRAM) as udp:
        udp.settimeout(1)
        yield udp


@pytest.mark.parametrize(
    ("host", "reach"),
    [
        (BEYOND, lambda guest: guest.connect((BEYOND, 443))),
        (BEYOND, lambda guest: guest.connect_ex((BEYOND, 443))),
        (BEYOND, lambda guest: guest.sendto(b"?", (BEYOND, 53))),
        (BEYOND, lambda guest: guest.sendto(b"?", 0, (BEYOND, 53))),
        (BEYOND, lambda _: socket.create_connection((BEYOND, 443), timeout=1)),
        ("2001:db8::1", lambda _: socket.create_connection(("2001:db8::1", 443), timeout=1)),
        ("example.com", lambda _: socket.create_connection(("example.com", 443), timeout=1)),
        ("example.com", lambda _: socket.gethostbyname("example.com")),
    ],
)
def test_nothing_beyond_this_machine_is_reached(
    told: list[str], guest: socket.socket, host: str, reach: Callable[[socket.socket], object]
) -> None:
    with pytest.raises(OSError, match=f"a test tried to reach {host}"):
        reach(guest)
    assert told == [host]


def test_a_client_that_shrugs_is_told_on(told: list[str]) -> None:
    with pytest.raises(urllib3.exceptions.HTTPError):
        urllib3.PoolManager(retries=False).request("GET", "https://example.com", timeout=1)
    assert told == ["example.com"]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_this_machine_is_reached(told: list[str], host: str) -> None:
    with socket.create_server((host, 0)) as server:
        thread = threading.Thread(target=server.accept)
        thread.start()
        socket.create_connection((host, server.getsockname()[1]), timeout=5).close()
        thread.join()
    assert not told
