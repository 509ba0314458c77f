"""What the crash harness takes for one call to the outside, and that nothing gets past it."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from moto import mock_aws

from bench.faults.arenas import Unavailable, open_arena
from bench.faults.aws import open_aws
from bench.faults.boundaries import watched
from bench.faults.fuse import Call, Died, Fuse, Phase
from bench.faults.rotator import wickie
from bench.faults.run import calls, try_out


@pytest.fixture
def echo() -> Iterator[tuple[str, int]]:
    """A server that says what it is told."""

    def serve(listening: socket.socket) -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection, suppress(OSError):
                while said := connection.recv(100):
                    connection.sendall(said)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=serve, args=(listening,), daemon=True).start()
        yield listening.getsockname()
        listening.shutdown(socket.SHUT_RDWR)


def exchange(sock: socket.socket) -> None:
    sock.sendall(b"a")
    sock.sendall(b"b")
    sock.recv(1)
    sock.recv(1)


def ask(place: tuple[str, int], times: int = 2) -> None:
    with socket.create_connection(place, 5) as sock:
        for _ in range(times):
            exchange(sock)


def test_what_is_sent_until_an_answer_is_read_is_one_call(echo: tuple[str, int]) -> None:
    fuse = Fuse()
    with watched(fuse):
        ask(echo)
    assert [call.name for call in fuse.calls] == ["connect", "exchange", "exchange"]


def test_a_call_to_aws_is_one_whatever_goes_over_its_sockets() -> None:
    fuse = Fuse()
    with mock_aws(), watched(fuse):
        boto3.client("sts", "us-east-1").get_caller_identity()
    assert [call.name for call in fuse.calls] == ["sts GetCallerIdentity"]


def test_calls_of_other_threads_are_their_own(echo: tuple[str, int]) -> None:
    fuse = Fuse(0, Phase.BEFORE, lambda fuse, _: fuse.die())
    with watched(fuse):
        other = threading.Thread(target=ask, args=(echo,))
        other.start()
        other.join()
    assert not fuse.calls


@pytest.mark.parametrize("phase", Phase)
def test_the_dead_reach_nothing_on_their_way_out(echo: tuple[str, int], phase: Phase) -> None:
    fuse = Fuse(1, phase, lambda fuse, _: fuse.die())
    with watched(fuse), socket.create_connection(echo, 5) as sock:
        with pytest.raises(Died):
            exchange(sock)
        with pytest.raises(Died):
            sock.sendall(b"on the way out")
        with pytest.raises(Died):
            sock.recv(1)


def test_what_the_dead_had_open_is_closed_whoever_refers_to_it(echo: tuple[str, int]) -> None:
    fuse = Fuse(1, act=lambda fuse, _: fuse.die())
    with watched(fuse):
        sock = socket.create_connection(echo, 5)
        lines = sock.makefile("rwb")
        with pytest.raises(Died):
            exchange(sock)
    assert sock.fileno() == -1
    assert not lines.closed


def test_a_cut_connection_stays_cut(echo: tuple[str, int]) -> None:
    def cut(_: Fuse, call: Call) -> None:
        raise call.cut()

    with watched(Fuse(1, Phase.BEFORE, cut)), socket.create_connection(echo, 5) as sock:
        with pytest.raises(ConnectionResetError):
            sock.sendall(b"a")
        with pytest.raises(OSError, match="Broken pipe"):
            sock.sendall(b"a")


def test_a_call_to_aws_that_is_cut_was_not_made() -> None:
    def cut(_: Fuse, call: Call) -> None:
        raise call.cut()

    with mock_aws():
        client = boto3.client("secretsmanager", "us-east-1")
        with watched(Fuse(0, Phase.BEFORE, cut)), pytest.raises(EndpointConnectionError):
            client.create_secret(Name="s")
        assert not client.list_secrets()["SecretList"]


@pytest.mark.slow
def test_a_driver_is_followed_into_tls() -> None:
    try:
        with open_aws() as aws, open_arena("PostgreSQL over TLS") as arena:
            rotator = wickie(aws, arena, "postgres", "single-user")
            made = Counter(call.name for call in calls(rotator))
            assert made["connect"] == made["do_handshake"] == 5
            assert made["exchange"] > 3 * made["connect"]
            tally = try_out(rotator, "cut-after", lambda call: call.name == "do_handshake")
    except Unavailable as lacking:
        pytest.skip(str(lacking))
    assert (tally.tried, tally.broken) == (5, ())
