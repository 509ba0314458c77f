"""The crash harness judged where keys overlap: one that breaks a rule does not get past it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from bench.faults.arenas import ARENAS, Unavailable, open_arena
from bench.faults.aws import Aws, open_aws
from bench.faults.rotator import Rotator, wickie
from bench.faults.run import try_out
from wickie import https
from wickie.errors import AuthenticationError, ProviderError
from wickie.providers import sshfiles, sshsession
from wickie.providers.signing_key import SigningKeys
from wickie.providers.ssh_key import SshKey

pytestmark = pytest.mark.slow

Patch = pytest.MonkeyPatch


@pytest.fixture(scope="module")
def aws() -> Iterator[Aws]:
    with open_aws() as aws:
        yield aws


@pytest.fixture(scope="module")
def rotators(aws: Aws) -> Iterator[dict[str, Rotator | str]]:
    """Those of the arenas that this machine has, and what it lacks for the others."""
    found: dict[str, Rotator | str] = {}
    with ExitStack() as stack:
        for name in ("OpenSSH", "Signing keys"):
            try:
                arena = stack.enter_context(open_arena(name))
                found[name] = wickie(aws, arena, ARENAS[name].engine, "dual-key")
            except Unavailable as lacking:
                found[name] = str(lacking)
        yield found


def let_in_before_it_is_stored(patch: Patch) -> None:
    issue = SshKey.issue

    def hasty(self: SshKey, current: Any, previous: Any, token: str) -> Any:
        pending = issue(self, current, previous, token)
        self.install(pending, current, previous())
        return pending

    patch.setattr(SshKey, "issue", hasty)
    patch.setattr(sshfiles, "_marked", lambda *_: False)


def no_answer_read_as_refusal_by_ssh(patch: Patch) -> None:
    patch.setattr(sshsession, "ProviderUnavailableError", AuthenticationError)


def no_answer_read_as_refusal_by_http(patch: Patch) -> None:
    patch.setattr(https, "ProviderUnavailableError", AuthenticationError)


def key_in_an_error(patch: Patch) -> None:
    def telling(_: SigningKeys, key: Any) -> str:
        raise ProviderError(f"refused {key.k.reveal()}")

    patch.setattr(SigningKeys, "sign_in", telling)


BREAKAGES = [
    ("OpenSSH", let_in_before_it_is_stored, "kill-before", "PutSecretValue", "no version holds"),
    ("OpenSSH", no_answer_read_as_refusal_by_ssh, "cut-before", "connect", "read as a refusal"),
    ("Signing keys", no_answer_read_as_refusal_by_http, "slow", "exchange", "read as a refusal"),
    ("Signing keys", key_in_an_error, "duplicate-step", "", "plaintext in an error or a log"),
]


@pytest.mark.parametrize("case", BREAKAGES, ids=lambda case: case[1].__name__)
def test_it_is_found_out(rotators: Any, monkeypatch: Patch, case: Any) -> None:
    name, breakage, fault, call, found = case
    if isinstance(rotators[name], str):
        pytest.skip(rotators[name])
    breakage(monkeypatch)
    tally = try_out(rotators[name], fault, lambda made: made.name.endswith(call))
    assert found in "; ".join(tally.broken)
