"""`demo`, `local up` and `config check`: doors to what is written elsewhere."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

Wickie = Callable[..., Result]


@pytest.mark.parametrize(("arguments", "keep"), [(["demo"], False), (["demo", "--keep"], True)])
def test_demo_ends_as_the_demo_does(
    wickie: Wickie, monkeypatch: pytest.MonkeyPatch, arguments: list[str], keep: bool
) -> None:
    asked = []

    def main(*, keep: bool) -> int:
        asked.append(keep)
        return 7

    monkeypatch.setattr("local.demo.main", main)
    assert wickie(*arguments).exit_code == 7
    assert asked == [keep]


def test_local_up_becomes_the_local_aws(wickie: Wickie, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr(os, "execv", lambda _, arguments: started.append(arguments))
    wickie("local", "up", "--port", "7000")
    assert started == [[sys.executable, "-m", "local", "--port", "7000"]]


@pytest.mark.parametrize("command", [["demo"], ["local", "up"]])
def test_without_a_checkout_the_remedy_is_told(
    wickie: Wickie, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "local"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "local", None)
    done = wickie(*command)
    assert done.exit_code == 1
    assert "run from a checkout of wickie; clone it and run make demo" in done.stderr


def test_config_check_says_what_a_valid_file_holds(
    wickie: Wickie, configured: Callable[[str], Path]
) -> None:
    configured("stage: prod\nscan: {targets: [{kind: s3, bucket: logs}]}\n")
    done = wickie("config", "check")
    assert done.exit_code == 0
    assert done.stdout == "wickie.yaml is valid: stage prod, 0 secrets, 1 targets\n"
