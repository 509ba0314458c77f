"""SSH key pairs, against a real OpenSSH server and judged by OpenSSH's client."""

from __future__ import annotations

import json
import subprocess
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import load_ssh_private_key

from bench.faults.arenas.ssh_key import SshKeyArena, key_pair, ssh
from local.packages import MissingError
from local.sshd import HOST, Sshd
from wickie.errors import ConfigError, ProviderError
from wickie.fingerprints import publishable
from wickie.providers import Context, ssh_key
from wickie.providers.sshsession import Session
from wickie.rotation.driver import Step

pytestmark = pytest.mark.slow


def running(**how: Any) -> Iterator[Sshd]:
    try:
        with Sshd(**how) as server:
            yield server
    except MissingError as lacking:
        pytest.skip(str(lacking))


@pytest.fixture(scope="module")
def server():
    yield from running()


@pytest.fixture(scope="module")
def second(server):
    """Another host, which has another key."""
    yield from running(host="127.0.0.2", port=server.port)


@pytest.fixture
def arena(server):
    return SshKeyArena(server)


@pytest.fixture
def player(aws):
    return replace(aws, settings=replace(aws.settings, engine="ssh-key", strategy="dual-key"))


@pytest.fixture
def arn(player, arena):
    return player.store(json.dumps(json.loads(arena.secret()) | {"team": "lighthouse"}))


def pair(player, arn, label="AWSCURRENT"):
    version = player.version(arn, label)
    reply = player.client.get_secret_value(SecretId=arn, VersionId=version)
    return json.loads(reply["SecretString"])


def file_of(arena, value):
    return arena._files[value["user"]]


def test_old_and_new_key_let_in_side_by_side_until_the_old_one_is_retired(player, arena, arn):
    before, old = player.version(arn), pair(player, arn)
    player.rotate(arn)
    new = pair(player, arn)
    assert new["team"] == "lighthouse"
    assert old["private_key"] != new["private_key"]
    assert [ssh(value).returncode for value in (old, new)] == [0, 0]
    assert player.act("retire", arn, before)["verdict"] == "DEAD"
    assert [ssh(value).returncode for value in (old, new)] == [255, 0]
    assert not arena.strays([json.dumps(new)])


def test_the_new_key_is_one_that_openssh_reads_and_says_which_secret_it_is_of(
    player, arn, tmp_path
):
    token = player.rotate(arn)
    new = pair(player, arn)
    key = tmp_path / "key"
    key.write_text(new["private_key"])
    key.chmod(0o600)
    told = subprocess.check_output(["ssh-keygen", "-y", "-f", key], text=True)
    assert told.split()[:2] == new["public_key"].split()[:2]
    assert new["public_key"].split()[2:] == ["wickie", new["mark"], token]


def test_a_scanner_knows_the_key_by_a_part_that_stands_in_one_line(player, arn):
    """However the lines are indented or ended where it leaked."""
    by_hand, provider = pair(player, arn), ssh_key.SshKey(Context(player.clients))
    player.rotate(arn)
    for value in (by_hand, pair(player, arn)):
        secret = provider.parse(json.dumps(value), arn).secret.reveal()
        lines = value["private_key"].splitlines()
        assert publishable(secret)
        assert sum(secret in line for line in lines) == 1
        assert len({len(line) for line in lines[1:-2]}) == 1
        seed = load_ssh_private_key(value["private_key"].encode(), None).private_bytes_raw()
        assert b64decode(secret[1:41]) == seed[1:31]


def test_no_more_than_two_keys_of_a_secret_are_left_however_often_it_rotates(player, arena, arn):
    for _ in range(3):
        player.rotate(arn)
    held = [json.dumps(pair(player, arn, label)) for label in ("AWSCURRENT", "AWSPREVIOUS")]
    assert not arena.strays(held)
    assert len(file_of(arena, pair(player, arn)).read_text().splitlines()) == 3


def test_the_file_keeps_its_mode_and_what_others_wrote(player, arena, arn):
    file = file_of(arena, pair(player, arn))
    file.chmod(0o640)
    owner, text = file.stat().st_uid, file.read_text()
    player.rotate(arn)
    assert (file.stat().st_mode & 0o777, file.stat().st_uid) == (0o640, owner)
    assert file.read_text().startswith(text)
    assert file.read_text()[len(text) :].startswith("no-pty ssh-ed25519 ")
    assert list(file.parent.iterdir()) == [file]


def test_an_edit_that_another_overtakes_begins_anew(player, arena, arn, monkeypatch):
    file, (_, stranger) = file_of(arena, pair(player, arn)), key_pair()
    begin, overtaken = ssh_key.sshfiles.succeeded, []

    def overtaking(text: str, *more: Any) -> str:
        if not overtaken:
            overtaken.append(text)
            with file.open("a") as other:
                other.write(stranger)
        return begin(text, *more)

    monkeypatch.setattr(ssh_key.sshfiles, "succeeded", overtaking)
    player.rotate(arn)
    assert overtaken
    assert stranger in file.read_text()
    assert ssh(pair(player, arn)).returncode == 0


def test_half_an_edit_leaves_the_file_as_it_was(player, arena, arn, monkeypatch):
    file = file_of(arena, pair(player, arn))
    before = file.read_text()
    whole = Session.run
    monkeypatch.setattr(
        Session, "run", lambda self, command, given=b"": whole(self, command, given[:-20])
    )
    token = player.until(arn, Step.SET)
    with pytest.raises(ProviderError, match="cannot write"):
        player.step(arn, Step.SET, token)
    assert file.read_text() == before
    assert list(file.parent.iterdir()) == [file]


@pytest.fixture
def two(player, server, second, arena):
    """A secret for one user at two hosts, and the user's file at each."""
    value = json.loads(arena.secret())
    first, known = value.pop("host"), server.known_hosts + second.known_hosts
    files = [file_of(arena, value), second.add_user(value["user"], value["public_key"] + "\n")]
    value |= {"hosts": [first, second.host], "known_hosts": known}
    return player.store(json.dumps(value)), files


def let_in(value):
    return [ssh(value | {"host": host}).returncode == 0 for host in value["hosts"]]


def test_a_key_opens_every_host_until_it_is_retired_at_every_host(player, two):
    arn, files = two
    before, old, there = player.version(arn), pair(player, arn), files[1].read_text()
    player.rotate(arn)
    assert [let_in(value) for value in (old, pair(player, arn))] == [[True] * 2] * 2
    assert player.act("retire", arn, before)["verdict"] == "DEAD"
    assert [let_in(value) for value in (old, pair(player, arn))] == [[False] * 2, [True] * 2]
    files[1].write_text(files[1].read_text() + there)
    answer = player.act("verify", arn, before)
    assert answer["verdict"] == "LIVE"
    assert answer["detail"].endswith("at 127.0.0.2")
    assert player.act("retire", arn, before)["verdict"] == "DEAD"


def test_a_key_that_opens_some_hosts_alone_is_not_put_to_use(player, two):
    arn, files = two
    before, there = player.version(arn), files[1].read_text()
    files[1].write_text("")
    token = player.until(arn, Step.SET)
    with pytest.raises(ProviderError, match=r"127\.0\.0\.2:\d+ does not honour the key"):
        player.step(arn, Step.SET, token)
    pending = pair(player, arn, "AWSPENDING")
    assert let_in(pending) == [True, False]
    files[1].write_text(there)
    with pytest.raises(ProviderError, match="so it may do less"):
        player.step(arn, Step.TEST, token)
    assert player.version(arn) == before
    player.rotate(arn, token)
    assert pair(player, arn)["public_key"] == pending["public_key"]
    assert let_in(pending) == [True, True]


@pytest.mark.parametrize("kind", ["rsa", "ecdsa"])
def test_hosts_that_prove_themselves_by_other_kinds_of_keys_are_trusted_too(player, kind):
    for other in running(host_key=kind):
        arn = player.store(SshKeyArena(other).secret())
        player.rotate(arn)
        assert ssh(pair(player, arn)).returncode == 0


def test_a_host_that_is_not_the_known_one_is_shown_no_key(player, arena, second):
    value = json.loads(arena.secret())
    wrong = second.known_hosts.replace(second.host, HOST)
    arn = player.store(json.dumps(value | {"known_hosts": wrong}))
    arena.log()
    answer = player.act("verify", arn, player.version(arn))
    assert answer["verdict"] == "UNKNOWN"
    assert "is not proven to be itself" in answer["detail"]
    assert "publickey" not in arena.log()


def test_a_host_that_nobody_vouched_for_is_not_called(player, arena):
    value = json.loads(arena.secret()) | {"known_hosts": "elsewhere ssh-ed25519 AAAA"}
    arn = player.store(json.dumps(value))
    with pytest.raises(ConfigError, match="known_hosts in the secret has no key of"):
        player.act("verify", arn, player.version(arn))


def test_a_key_that_is_not_let_in_is_dead_and_a_host_out_of_reach_is_not(player, arena):
    value = json.loads(arena.secret())
    private, public = key_pair()
    other = player.store(json.dumps(value | {"private_key": private, "public_key": public}))
    assert player.act("verify", other, player.version(other))["verdict"] == "DEAD"
    moved = value | {
        "port": 1,
        "known_hosts": value["known_hosts"].replace(str(value["port"]), "1"),
    }
    away = player.store(json.dumps(moved))
    answer = player.act("verify", away, player.version(away))
    assert answer["verdict"] == "UNKNOWN"
    assert f"{HOST}:1 does not answer" in answer["detail"]


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"PubkeyAuthentication": "no", "PasswordAuthentication": "yes"}, "takes no keys of"),
        (
            {"AuthenticationMethods": "publickey,password", "PasswordAuthentication": "yes"},
            "beside",
        ),
        ({"Ciphers": "aes128-ctr"}, "has none of aes256-gcm@openssh.com"),
        ({"KexAlgorithms": "ecdh-sha2-nistp256"}, "has none of curve25519-sha256"),
    ],
)
def test_what_says_nothing_of_a_key_does_not_make_it_dead(player, settings, told):
    for strict in running(settings=settings):
        arn = player.store(SshKeyArena(strict).secret())
        answer = player.act("verify", arn, player.version(arn))
        assert answer["verdict"] == "UNKNOWN"
        assert told in answer["detail"]


def test_a_key_that_may_run_no_commands_says_that_it_cannot_be_succeeded(player, arena):
    value = json.loads(arena.secret())
    file = file_of(arena, value)
    file.write_text(file.read_text().replace("no-pty", 'command="/bin/false"'))
    arn = player.store(json.dumps(value))
    token = player.until(arn, Step.SET)
    with pytest.raises(ProviderError, match=r"cannot read \.ssh/authorized_keys"):
        player.step(arn, Step.SET, token)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"private_key": "none"}, "is no Ed25519 key"),
        ({"public_key": "ssh-ed25519 AAAA"}, "public_key is not that of private_key"),
        ({"public_key": "nothing"}, "has no public key under public_key"),
        ({"host": None}, "lacks host, or hosts as a list"),
        ({"port": "ssh"}, "a port that is no number"),
        ({"known_hosts": None}, "lacks known_hosts"),
    ],
)
def test_a_secret_that_lacks_something_is_told_what(player, arena, change, told):
    value = {**json.loads(arena.secret()), **change}
    arn = player.store(json.dumps(value))
    with pytest.raises(ConfigError, match=told) as caught:
        player.act("verify", arn, player.version(arn))
    assert json.loads(arena.secret())["private_key"] not in str(caught.value)
