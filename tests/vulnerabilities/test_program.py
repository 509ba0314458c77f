"""What is run, and what it is given: a program on paper, so that it can be tampered with."""

from __future__ import annotations

from pathlib import Path

import pytest

from wickie.credentials import Sensitive
from wickie.errors import ConfigError
from wickie.vulnerabilities.program import Program
from wickie.vulnerabilities.scanner import file_sha256

_SCRIPT = """#!/bin/sh
env
echo ran >>ran
echo via $https_proxy signing in with $PASSWORD failed >&2
exit 3
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "trivy"
    path.write_text(_SCRIPT)
    path.chmod(0o755)
    return path


def test_a_program_that_was_tampered_with_is_not_run(script: Path, tmp_path: Path) -> None:
    program = Program("trivy", str(script), file_sha256(script))
    assert program.run([], str(tmp_path), 10).code == 3
    script.write_text(_SCRIPT.replace("exit 3", "exit 0"))
    (tmp_path / "ran").unlink()
    with pytest.raises(ConfigError, match=r"not the pinned .*: it is not run"):
        program.run([], str(tmp_path), 10)
    assert not (tmp_path / "ran").exists()


def test_a_program_that_nobody_vouches_for_is_not_run(script: Path) -> None:
    with pytest.raises(ConfigError, match=r"nobody here vouches for.*pin sha256 once you trust"):
        Program("trivy", str(script)).verified()


def test_a_program_that_is_absent_is_told_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"grype is not .*; install it, or correct its program"):
        Program("grype", str(tmp_path / "grype")).verified()


def test_a_program_is_given_no_credentials_and_no_settings_of_the_machine(
    script: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_SECRET_ACCESS_KEY", "TRIVY_SEVERITY", "GRYPE_ONLY_FIXED", "DATABASE_URL"):
        monkeypatch.setenv(name, "unwanted")
    done = Program("trivy", str(script), file_sha256(script)).run([], str(tmp_path), 10)
    assert "unwanted" not in done.out
    assert f"HOME={tmp_path}" in done.out


def test_what_a_program_says_is_told_without_the_password_it_was_given(
    script: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", "http://me:hidden@proxy.internal:3128")
    secrets = {"PASSWORD": Sensitive("of-the-registry")}
    done = Program("trivy", str(script), file_sha256(script)).run([], str(tmp_path), 10, secrets)
    assert done.told == "via [proxy] signing in with [redacted] failed"
    assert "of-the-registry" not in repr(done.told)
