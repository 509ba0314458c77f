"""The real server that the other tests rest on."""

from __future__ import annotations

import os

import pytest

from local import postgres as local_postgres
from local.postgres import Postgres, binaries
from tests.rotation.conftest import postgres as provider
from wickie.model import Verdict
from wickie.providers import verify

pytestmark = pytest.mark.slow


def test_stopping_leaves_neither_process_nor_file():
    with Postgres() as postgres:
        scratch, server = postgres._scratch, postgres._server
        assert not [p for p in scratch.iterdir() if p.name == "superuser"]
    assert not scratch.exists()
    assert server.poll() is not None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives its rights up")
def test_root_copies_binaries_that_nobody_may_not_reach(monkeypatch):
    copied = []
    copy = Postgres._copy_binaries
    monkeypatch.setattr(Postgres, "_copy_binaries", lambda self: (copied.append(1), copy(self)))
    monkeypatch.setattr(local_postgres, "_reachable", lambda _: False)
    wheel, *_ = [path for path in binaries() if "pgserver" in str(path)]
    with Postgres(bin_dir=wheel) as postgres:
        assert verify(provider(), postgres.admin)[0] is Verdict.LIVE
    assert copied
