"""known_hosts is read, and authorized_keys edited, as OpenSSH's own manual has them."""

from __future__ import annotations

import base64
import hmac
import os

import pytest

from wickie.errors import ConfigError, ProviderError
from wickie.providers.sshfiles import AuthorizedKey, host_keys, succeeded, without


def blob() -> str:
    return base64.b64encode(b"\0\0\0\x0bssh-ed25519" + os.urandom(36)).decode()


CURRENT, OTHER, NEW, OLD, LOST = (blob() for _ in range(5))
PENDING = f"ssh-ed25519 {NEW} wickie 0a1b token"


def edited(text: str, previous: str | None = None) -> str:
    return succeeded(text, CURRENT, PENDING, previous, "0a1b")


@pytest.mark.parametrize(
    "options",
    [
        "",
        'from="10.0.0.0/8,*.example"',
        'command="echo \\"a b\\" # ssh-ed25519",no-pty',
        'restrict,environment="A=b c"',
        'expiry-time="20300101"',
    ],
)
def test_the_new_key_is_restricted_as_the_one_it_succeeds(options: str) -> None:
    text = edited(f"{options} ssh-ed25519 {CURRENT} me@home\n".lstrip())
    key = AuthorizedKey.parse(text.splitlines()[1])
    assert key == AuthorizedKey(options, NEW, "wickie 0a1b token")


def test_lines_of_others_stay_as_they_are() -> None:
    others = (
        f"# by hand\r\n\n  no-pty  ssh-rsa {OTHER} a  b\nssh-ed25519 {LOST} wickie ffff t\ngarbage"
    )
    text = f"ssh-ed25519 {CURRENT}\n{others}"
    assert edited(text) == f"{text}\n{PENDING}\n"
    assert without(f"{text}\nssh-ed25519 {OLD}\n", OLD, CURRENT) == f"{text}\n"


def test_bytes_that_are_no_utf8_survive() -> None:
    text = b"# caf\xe9\n".decode(errors="surrogateescape") + f"ssh-ed25519 {CURRENT}\n"
    assert edited(text).encode(errors="surrogateescape").startswith(b"# caf\xe9\n")


def test_what_an_attempt_lost_goes_and_so_does_the_key_before_the_one_in_use() -> None:
    lines = [
        f"ssh-ed25519 {LOST} wickie 0a1b earlier",
        f"ssh-ed25519 {OLD} by hand",
        f"ssh-ed25519 {CURRENT} wickie 0a1b last",
    ]
    text = edited("\n".join(lines) + "\n", OLD)
    assert text == f"{lines[2]}\n{PENDING}\n"


def test_to_do_it_twice_is_to_do_it_once() -> None:
    once = edited(f"ssh-ed25519 {CURRENT}\n")
    assert edited(once) == once


@pytest.mark.parametrize(
    "text",
    ["", f"ssh-ed25519 {OTHER}\n", f"# ssh-ed25519 {CURRENT}\n"],
    ids=["empty", "another", "commented out"],
)
def test_a_file_without_the_key_in_use_is_left_alone(text: str) -> None:
    with pytest.raises(ProviderError, match="stands in another file"):
        edited(text)
    with pytest.raises(ProviderError, match="stands in another file"):
        without(text, OLD, CURRENT)


def test_the_key_in_use_is_never_taken_out() -> None:
    with pytest.raises(ProviderError, match="is the one in use"):
        without(f"ssh-ed25519 {CURRENT}\n", CURRENT, CURRENT)


def hashed(name: str) -> str:
    salt = os.urandom(20)
    digest = hmac.digest(salt, name.encode(), "sha1")
    return "|1|" + "|".join(base64.b64encode(part).decode() for part in (salt, digest))


@pytest.mark.parametrize(
    "name",
    ["web1", "web1,10.0.0.1", "10.0.0.1,WEB1", hashed("web1")],
    ids=["name", "name and address", "capitals", "hashed"],
)
def test_a_host_is_known_by_its_name_however_it_is_written(name: str) -> None:
    text = f"# a comment\n{name} ssh-ed25519 {CURRENT}\nweb2 ssh-ed25519 {OTHER}\n"
    assert host_keys(text, "web1", 22) == [base64.b64decode(CURRENT)]


def test_another_port_is_another_host() -> None:
    text = f"web1 ssh-ed25519 {CURRENT}\n[web1]:2222 ssh-ed25519 {OTHER}\n"
    assert host_keys(text, "web1", 2222) == [base64.b64decode(OTHER)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"web2 ssh-ed25519 {CURRENT}",
        f"*.example ssh-ed25519 {CURRENT}",
        f"@cert-authority web1 ssh-ed25519 {CURRENT}",
        f"web1 ssh-ed25519 {CURRENT}\n@revoked web1 ssh-ed25519 {CURRENT}",
        "web1 ssh-ed25519 n!t-base64",
    ],
    ids=["none", "other name", "wildcard", "authority", "revoked", "no base64"],
)
def test_a_host_that_is_not_known_is_not_trusted(text: str) -> None:
    with pytest.raises(ConfigError, match="has no key of web1"):
        host_keys(text, "web1", 22)
