"""The program as a whole: its doors, its errors, and how it is ended."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

Wickie = Callable[..., Result]

WICKIE = Path(sys.executable).with_name("wickie")
NO_CONFIG = (
    "wickie: error: cannot read wickie.yaml: No such file or directory; name another file, or "
    "create it: wickie init"
)
HEAVY = ("boto3", "botocore", "pydantic", "numpy", "rich", "yaml", "kingfisher_sdk")


def test_help_lists_the_commands_and_loads_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys; from wickie.cli import app; app(['--help'], standalone_mode=False); "
        f"print('loaded', [m for m in {HEAVY!r} if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "loaded []" in done.stdout
    for command in ("scan", "rotate", "status", "demo", "local", "config"):
        assert f"\n  {command} " in done.stdout


def test_version_and_usage(wickie: Wickie) -> None:
    assert wickie("--version").stdout.startswith("wickie 0.")
    for arguments in (["scan", "--format", "xml"], ["rotate"], ["nonsense"], ["status", "--port"]):
        done = wickie(*arguments)
        assert (done.exit_code, done.stdout) == (2, "")
        assert "Usage:" in done.stderr


@pytest.mark.slow
def test_an_error_is_one_line_on_stderr(tmp_path: Path) -> None:
    done = subprocess.run(
        [WICKIE, "config", "check"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"{NO_CONFIG}\n"


def test_verbose_shows_where_wherever_it_stands(wickie: Wickie) -> None:
    for arguments in (["config", "check", "--verbose"], ["--verbose", "config", "check"]):
        told = wickie(*arguments).stderr
        assert "Traceback" in told
        assert told.splitlines()[-1] == NO_CONFIG


@pytest.mark.parametrize(
    ("changes", "remedy"),
    [
        ({"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}, "set AWS_PROFILE"),
        ({"AWS_REGION": None, "AWS_DEFAULT_REGION": None}, "set AWS_REGION"),
        ({"AWS_PROFILE": "nobody"}, "correct AWS_PROFILE"),
        ({"AWS_ENDPOINT_URL": "http://localhost:1", "AWS_MAX_ATTEMPTS": "1"}, "http://localhost:1"),
    ],
)
def test_without_credentials_region_or_network_the_remedy_is_told(
    wickie: Wickie,
    configured: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, str | None],
    remedy: str,
) -> None:
    configured("stage: prod\nsecrets: [{name: shop/a, engine: postgres, strategy: single-user}]\n")
    for name, value in changes.items():
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
    done = wickie("status")
    assert done.exit_code == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("wickie: error: ")
    assert remedy in line


@pytest.mark.slow
def test_ctrl_c_ends_with_130_and_no_traceback(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [WICKIE, "local", "up", "--port", "0"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert "Local AWS at http://localhost:" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "Traceback" not in told
