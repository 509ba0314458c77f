"""What is no answer of an SSH server's is never taken for one, and a man in the middle is seen."""

from __future__ import annotations

import json
import socket
import threading
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from bench.faults.arenas.ssh_key import SshKeyArena, key_pair
from local.packages import MissingError
from local.sshd import HOST, Sshd
from wickie.aws import Clients
from wickie.model import Verdict
from wickie.providers import Context, verify
from wickie.providers.ssh_key import SshKey

pytestmark = pytest.mark.slow


@contextmanager
def listening(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """Have each connection to a port served in a thread of its own."""
    with socket.create_server((HOST, 0)) as server:

        def accept() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def asked(value: dict[str, str], port: int) -> tuple[Verdict, str]:
    """Ask at another port about the key of a secret."""
    known = value["known_hosts"].replace(f":{value['port']} ", f":{port} ")
    provider = SshKey(Context(Clients()))
    text = json.dumps(value | {"port": port, "known_hosts": known})
    return verify(provider, provider.parse(text, "a secret"))


@pytest.fixture(scope="module")
def nobodys() -> dict[str, str]:
    private, public = key_pair()
    host_key = " ".join(key_pair()[1].split()[:2])
    return {
        "user": "app",
        "host": HOST,
        "port": "0",
        "private_key": private,
        "public_key": public,
        "known_hosts": f"[{HOST}]:0 {host_key}\n",
    }


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (b"", "does not answer"),
        (b"Exceeded MaxStartups\r\n", "does not answer"),
        (b"SSH-2.0-x\r\n", "does not answer"),
        (b"HTTP/1.1 400 Bad Request\r\n" * 60, "does not speak SSH"),
        (b"SSH-2.0-x\r\n" + b"\xff" * 64, "does not speak SSH"),
        (b"SSH-2.0-x\r\n" + b"\0\0\0\x0c\x0a\x05" + bytes(10), "message 5 out of place"),
        (b"SSH-2.0-x\r\n" + b"\0\0\0\x0c\x0a\x14" + bytes(10), "error: a message ends too early"),
        (b"SSH-1.5-x\r\n" * 60, "does not speak SSH"),
    ],
)
def test_what_is_no_ssh_says_nothing_of_a_key(nobodys, said, told):
    def serve(connection: socket.socket) -> None:
        with connection:
            connection.sendall(said)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(4096):
                pass

    with listening(serve) as port:
        verdict, detail = asked(nobodys, port)
    assert verdict is Verdict.UNKNOWN
    assert told in detail


@pytest.fixture(scope="module")
def value() -> Iterator[dict[str, str]]:
    try:
        with Sshd() as server:
            yield json.loads(SshKeyArena(server).secret())
    except MissingError as lacking:
        pytest.skip(str(lacking))


def relay(value: dict[str, str], change: Callable[[int, bytes], bytes]) -> Callable[..., None]:
    """A man in the middle, who may change what the server says; told how much went before."""

    def serve(connection: socket.socket) -> None:
        with connection, socket.create_connection((value["host"], int(value["port"]))) as server:
            threading.Thread(target=_pour, args=(connection, server), daemon=True).start()
            _pour(server, connection, change)

    return serve


def _pour(
    source: socket.socket,
    target: socket.socket,
    change: Callable[[int, bytes], bytes] = lambda _, data: data,
) -> None:
    done = 0
    try:
        while data := source.recv(1 << 16):
            target.sendall(change(done, data))
            done += len(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def test_a_relay_that_changes_nothing_is_not_in_the_way(value):
    with listening(relay(value, lambda _, data: data)) as port:
        assert asked(value, port)[0] is Verdict.LIVE


def test_a_bit_changed_on_the_way_makes_no_key_dead(value):
    """Neither of the version, nor the exchange and its signature, nor of a packet after that."""
    sizes: list[int] = []
    with listening(relay(value, lambda done, data: sizes.append(done + len(data)) or data)) as port:
        asked(value, port)
    verdicts = []
    for point in range(8, max(sizes), 61):

        def flip(done: int, data: bytes, point: int = point) -> bytes:
            at = point - done
            if not 0 <= at < len(data):
                return data
            return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]

        with listening(relay(value, flip)) as port:
            verdicts.append(asked(value, port)[0])
    told = verdicts.count(Verdict.UNKNOWN)
    assert told > 15
    # What the server says once the key was accepted is not listened to.
    assert verdicts == [Verdict.UNKNOWN] * told + [Verdict.LIVE] * (len(verdicts) - told)


def test_a_host_that_has_another_hosts_public_key_alone_is_found_out(value):
    """Its blob is the known one, its signature cannot be."""
    wanted = value["known_hosts"].split()[2].encode()
    other = key_pair()[1].split()[1].encode()
    assert wanted != other

    real, fake = b64decode(wanted), b64decode(other)
    swapped = value | {"known_hosts": value["known_hosts"].replace(wanted.decode(), other.decode())}
    with listening(relay(value, lambda _, data: data.replace(real, fake))) as port:
        verdict, detail = asked(swapped, port)
    assert verdict is Verdict.UNKNOWN
    assert "is not proven to be itself: bad signature" in detail
