"""The real OpenSSH server that tests of SSH keys rest on."""

from __future__ import annotations

import json
import shutil
import socket
from pathlib import Path

import pytest

from bench.faults.arenas.ssh_key import SshKeyArena, ssh
from local import sshd
from local.packages import MissingError
from local.sshd import Installation, Sshd

pytestmark = pytest.mark.slow


def test_its_users_are_its_own_and_have_a_home_of_their_own():
    try:
        with Sshd() as server:
            pair = json.loads(SshKeyArena(server).secret())
            told = ssh(pair, "pwd").stdout.strip()
            folder, port = Path(told).parent, server.port
            assert folder.name.startswith("wickie-sshd-")
            assert Path(told).name == pair["user"]
    except MissingError as lacking:
        pytest.skip(str(lacking))
    assert not folder.exists()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((server.host, port), 1)


@pytest.fixture
def bare(monkeypatch, tmp_path):
    """A machine with no sshd, as far as is looked."""
    if Installation(Path("/")).usable:
        pytest.skip("the system has an OpenSSH server of its own")
    monkeypatch.setattr(Path, "home", lambda: tmp_path)


@pytest.mark.usefixtures("bare")
def test_a_machine_without_apt_says_what_to_install(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: name if name == "ssh" else None)
    with pytest.raises(MissingError, match="install openssh-server and libnss-wrapper"):
        sshd.find()


@pytest.mark.usefixtures("bare")
def test_a_package_that_apt_does_not_know_is_named(monkeypatch):
    if not shutil.which("apt-get"):
        pytest.skip("there is no apt here")
    monkeypatch.setattr(sshd, "_PACKAGES", ("no-such-package-of-wickies",))
    with pytest.raises(MissingError, match=r"apt-get --simulate failed: .*no-such-package"):
        sshd.find()
