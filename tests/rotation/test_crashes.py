"""
What is not one secret's rotation, killed: wickie's own actions, clients meanwhile, a process.

Every rotator is killed everywhere in test_faults.py.
"""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import time

import pytest
from moto.server import ThreadedMotoServer

from bench.faults.boundaries import watched
from bench.faults.fuse import Died, Fuse
from local.postgres import Postgres
from local.world import environment
from tests.rotation.asking import signing_in
from wickie.model import Verdict
from wickie.rotation.driver import Step

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(request):
    server_class = request.getfixturevalue("server").__class__
    with Postgres(tls=False) as postgres:  # a handshake per login would take most of the time
        yield server_class(postgres)


@pytest.fixture(params=["single-user", "alternating-users"])
def player(request, aws, server):
    return aws.using(request.param, master=aws.store(server.admin))


def dying_at(point: int) -> Fuse:
    return Fuse(point, act=lambda fuse, _: fuse.die())


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


@pytest.mark.parametrize(("action", "first"), [("retire", 3), ("restore", 7)])
def test_an_action_killed_here_and_there_is_done_by_its_repetition(player, server, action, first):
    broken = []
    for point in itertools.count(first, 11):
        old = server.user()
        arn = player.store(old)
        version = player.version(arn)
        player.rotate(arn)
        try:
            with watched(dying_at(point)):
                player.act(action, arn, version)
        except Died:
            player.act(action, arn, version)
        else:
            break  # there are no more calls than that
        wanted = Verdict.LIVE if action == "restore" else Verdict.DEAD
        facts = {
            "AWSCURRENT is not honoured": server.verdict(player.value(arn)) is Verdict.LIVE,
            f"the old credential is not {wanted}": server.verdict(old) is wanted,
            "the labels are wrong": (player.version(arn) == version) is (action == "restore"),
            "a label is left over": (player.version(arn, "AWSPREVIOUS") is None)
            is (action == "retire"),
        }
        broken += [f"{point}: {wrong}" for wrong, holds in facts.items() if not holds]
    assert not broken
    assert point > 20


def test_alternating_users_refuse_no_login_while_rotations_die(aws, server):
    player = aws.using("alternating-users", master=aws.store(server.admin))
    arn = player.store(server.user())
    value = player.value(arn)  # a client reads the secret, then signs in with what it has read
    with signing_in(lambda: server.verdict(value)) as client:
        for point in range(10, 65, 11):
            token = player.begin(arn)
            with pytest.raises(Died), watched(dying_at(point)):
                player.rotate(arn, token)
            client.goes_on(2)
            player.rotate(arn, token)
            client.goes_on(2)
            value = player.value(arn)
    assert set(client.verdicts) == {Verdict.LIVE}


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
        timeout=120,
    )
    assert child.returncode == -signal.SIGKILL, child.stderr.decode()
    assert server.verdict(player.value(arn, "AWSPENDING")) is Verdict.LIVE
    begun = time.monotonic()
    player.rotate(arn, token)
    assert time.monotonic() - begun < 50  # it does not wait for the end of who was killed
    assert not broken_invariants(player, server, arn, old, token)
