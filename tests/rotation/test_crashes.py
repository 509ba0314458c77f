"""
The function dies at every boundary of a rotation; Secrets Manager then sends all steps again.

A boundary lies after each call to the outside (Secrets Manager, KMS, DynamoDB, SQL). What was
in memory is lost either way, so dying after one call is dying before the next.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import pg8000.native
import pytest
from moto.server import ThreadedMotoServer

from local.postgres import Postgres
from local.world import environment
from wickie.model import Verdict
from wickie.rotation.driver import Step

pytestmark = pytest.mark.slow


class Died(BaseException):
    """What no `except Exception` of the function's can catch, as SIGKILL could not be."""


class Fuse:
    """Counts the boundaries of the thread that made it, and kills at the one it is set to."""

    def __init__(self, at: int | None = None) -> None:
        self.at, self.passed, self.thread = at, 0, threading.get_ident()

    def boundary(self, **_: object) -> None:
        if threading.get_ident() != self.thread:
            return
        if self.passed == self.at:
            self.at = None
            raise Died
        self.passed += 1


def fused_connection(fuse: Fuse):
    class Connection(pg8000.native.Connection):
        def __init__(self, *args, **options) -> None:
            super().__init__(*args, **options)
            fuse.boundary()

        def run(self, *args, **params):
            try:
                return super().run(*args, **params)
            finally:
                fuse.boundary()

    return Connection


@pytest.fixture(scope="module")
def server(request):
    server_class = request.getfixturevalue("server").__class__
    with Postgres(tls=False) as postgres:  # a handshake per login would take most of the time
        yield server_class(postgres)


@pytest.fixture(params=["single-user", "alternating-users"])
def player(request, aws, server):
    return aws.using(request.param, master=aws.store(server.admin))


@contextmanager
def fused(player, fuse):
    """A boundary before anything, and after every call to AWS and to the database."""
    clients = player.clients
    emitters = [c.meta.events for c in (clients.secrets_manager, clients.kms, clients.dynamodb)]
    for emitter in emitters:
        emitter.register("after-call", fuse.boundary)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(pg8000.native, "Connection", fused_connection(fuse))
            fuse.boundary()
            yield
    finally:
        for emitter in emitters:
            emitter.unregister("after-call", fuse.boundary)


def rotate_with(player, fuse, arn, token) -> None:
    with fused(player, fuse):
        for step in Step:
            player.step(arn, step, token)


def broken_invariants(player, server, arn, old, token) -> list[str]:
    """What is wrong after the retry; empty if all is well."""
    single = player.settings.strategy == "single-user"
    new = player.value(arn)
    wanted_of_old = Verdict.DEAD if single else Verdict.LIVE
    facts = {
        "AWSCURRENT did not move": player.version(arn) == token,
        "AWSCURRENT is not honoured": server.verdict(new) is Verdict.LIVE,
        f"the old credential is not {wanted_of_old}": server.verdict(old) is wanted_of_old,
        "unknown keys were lost": new.document.get("team") == "lighthouse",
        "the fingerprint is not CURRENT": player.stages(arn).get(token) == "CURRENT",
        "more than one is CURRENT": list(player.stages(arn).values()).count("CURRENT") == 1,
    }
    return [wrong for wrong, holds in facts.items() if not holds]


def test_killed_at_any_boundary_the_retry_ends_well(player, server):
    fuse, arn = Fuse(), player.store(server.user())
    rotate_with(player, fuse, arn, player.begin(arn))
    points, broken = fuse.passed, []
    assert points > 20
    for point in range(points):
        old = server.user()
        arn = player.store(old)
        token = player.begin(arn)
        with pytest.raises(Died):
            rotate_with(player, Fuse(point), arn, token)
        locked_out = server.verdict(player.value(arn)) is not Verdict.LIVE
        if locked_out and player.settings.strategy == "single-user":
            locked_out = server.verdict(player.value(arn, "AWSPENDING")) is not Verdict.LIVE
        if locked_out:
            broken.append(f"{point}: neither AWSCURRENT nor AWSPENDING is honoured")
        player.rotate(arn, token)
        broken += [f"{point}: {b}" for b in broken_invariants(player, server, arn, old, token)]
    assert not broken, f"{points} points"


@pytest.mark.parametrize("action", ["retire", "restore"])
def test_an_action_killed_at_any_boundary_is_done_by_its_repetition(player, server, action):
    point, broken = 0, []
    while True:
        old = server.user()
        arn = player.store(old)
        version = player.version(arn)
        player.rotate(arn)
        try:
            with fused(player, Fuse(point)):
                player.act(action, arn, version)
        except Died:
            player.act(action, arn, version)
        else:
            break  # there are no more boundaries than that
        wanted = Verdict.LIVE if action == "restore" else Verdict.DEAD
        facts = {
            "AWSCURRENT is not honoured": server.verdict(player.value(arn)) is Verdict.LIVE,
            f"the old credential is not {wanted}": server.verdict(old) is wanted,
            "the labels are wrong": (player.version(arn) == version) is (action == "restore"),
            "a label is left over": (player.version(arn, "AWSPREVIOUS") is None)
            is (action == "retire"),
        }
        broken += [f"{point}: {wrong}" for wrong, holds in facts.items() if not holds]
        point += 1
    assert not broken
    assert point > 10


def test_alternating_users_refuse_no_login_while_rotations_die(aws, server):
    player = aws.using("alternating-users", master=aws.store(server.admin))
    arn = player.store(server.user())
    stop, verdicts = threading.Event(), []
    value = player.value(arn)  # a client reads the secret, then signs in with what it has read

    def client() -> None:
        while not stop.wait(0.05):
            verdicts.append(server.verdict(value))

    thread = threading.Thread(target=client)
    thread.start()
    try:
        for point in range(20, 45, 3):
            token = player.begin(arn)
            with pytest.raises(Died):
                rotate_with(player, Fuse(point), arn, token)
            player.rotate(arn, token)
            value = player.value(arn)
    finally:
        stop.set()
        thread.join()
    assert len(verdicts) >= 10
    assert set(verdicts) == {Verdict.LIVE}


KILLED_AFTER_COMMIT = """
import json, os, signal, sys
import pg8000.native

class Connection(pg8000.native.Connection):
    def run(self, sql, **params):
        rows = super().run(sql, **params)
        if sql == "commit":
            os.kill(os.getpid(), signal.SIGKILL)
        return rows

pg8000.native.Connection = Connection
from lambdas.rotate import lambda_handler

class Context:
    def get_remaining_time_in_millis(self):
        return 60_000

lambda_handler(json.loads(sys.argv[1]), Context())
"""


@pytest.fixture
def endpoint(aws):  # noqa: ARG001  (the mock goes first: the server shares its state)
    moto = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    moto.start()
    yield f"http://localhost:{moto.get_host_and_port()[1]}"
    moto.stop()


def test_a_process_killed_right_after_the_commit(player, server, endpoint):
    old = server.user()
    arn = player.store(old)
    token = player.begin(arn)
    player.step(arn, Step.CREATE, token)
    settings = player.settings
    event = f'{{"Step": "setSecret", "SecretId": "{arn}", "ClientRequestToken": "{token}"}}'
    child = subprocess.run(
        [sys.executable, "-c", KILLED_AFTER_COMMIT, event],
        env={
            **environment(endpoint),
            "PATH": os.environ["PATH"],
            "WICKIE_ENGINE": settings.engine,
            "WICKIE_STRATEGY": settings.strategy,
            "WICKIE_MASTER": settings.master,
            "WICKIE_FINGERPRINT_TABLE": settings.fingerprint_table,
            "WICKIE_FINGERPRINT_KEY": settings.fingerprint_key,
        },
        check=False,
        capture_output=True,
        timeout=60,
    )
    assert child.returncode == -signal.SIGKILL, child.stderr.decode()
    assert server.verdict(player.value(arn, "AWSPENDING")) is Verdict.LIVE
    begun = time.monotonic()
    player.rotate(arn, token)
    assert time.monotonic() - begun < 10
    assert not broken_invariants(player, server, arn, old, token)
