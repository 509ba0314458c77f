"""The real server that the other tests rest on."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from local import mariadb
from local.mariadb import Installation, MariaDB, MissingError
from tests.rotation.mysql.conftest import running

pytestmark = pytest.mark.slow


def test_stopping_leaves_neither_process_nor_file():
    with running(tls=False) as server:
        scratch, process = server.local._scratch, server.local._server
        assert process.poll() is None
    assert not scratch.exists()
    assert process.poll() is not None


@pytest.fixture
def bare(monkeypatch, tmp_path):
    """A machine with no MariaDB, as far as is looked."""
    if Installation(Path("/")).usable:
        pytest.skip("the system has a MariaDB of its own")
    monkeypatch.setattr(Path, "home", lambda: tmp_path)


@pytest.mark.usefixtures("bare")
def test_a_machine_without_apt_says_what_to_install(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(MissingError, match="install mariadb-server"):
        MariaDB().__enter__()


@pytest.mark.usefixtures("bare")
def test_a_package_that_apt_does_not_know_is_named(monkeypatch):
    if not shutil.which("apt-get"):
        pytest.skip("there is no apt here")
    monkeypatch.setattr(mariadb, "_PACKAGE", "no-such-package-of-wickies")
    with pytest.raises(MissingError, match=r"apt-get --simulate failed: .*no-such-package"):
        mariadb.find()
