"""`wickie trigger` starts a run, and ends as the run does if it is to wait."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest
from moto import mock_aws
from typer.testing import Result

from tests.prefect import Prefect
from tests.rotation.dependents.servers import serve

Wickie = Callable[..., Result]
NAME = "rotate/test"


@pytest.fixture
def prefect(monkeypatch: pytest.MonkeyPatch) -> Iterator[Prefect]:
    for name in ("PREFECT_API_KEY", "PREFECT_API_AUTH_STRING"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("wickie.cli.trigger._PAUSE", 0.01)
    with serve(Prefect) as prefect:
        monkeypatch.setenv("PREFECT_API_URL", prefect.url)
        yield prefect


def state(type_: str, message: str = "") -> dict[str, str]:
    return {"type": type_, "name": type_.title(), "message": message}


def test_a_run_is_started_with_parameters_that_are_json_or_text(
    wickie: Wickie, prefect: Prefect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_KEY", "pnu_0")
    done = wickie("trigger", NAME, "--param", "secret=shop/db", "--param", "n=2")
    assert done.exit_code == 0, done.output
    ((id_, run),) = prefect.runs.items()
    assert f"started brave-run ({id_})" in done.stdout
    assert run["parameters"] == {"secret": "shop/db", "n": 2}
    assert prefect.authorizations == {"Bearer pnu_0"}


@pytest.mark.parametrize(
    ("last", "code"), [("COMPLETED", 0), ("FAILED", 1), ("CRASHED", 1), ("CANCELLED", 1)]
)
def test_what_is_waited_for_ends_with_0_only_if_it_completed(
    wickie: Wickie, prefect: Prefect, last: str, code: int
) -> None:
    prefect.states = [state("SCHEDULED"), state("RUNNING"), state(last, "shop/db: old DEAD")]
    done = wickie("trigger", NAME, "--wait")
    assert done.exit_code == code
    assert f"{last.title()}: shop/db: old DEAD" in done.stdout


def test_what_takes_too_long_is_an_error_and_said_to_go_on(
    wickie: Wickie, prefect: Prefect
) -> None:
    prefect.states = [state("PAUSED")]
    done = wickie("trigger", NAME, "--wait", "--timeout", "0s")
    assert done.exit_code == 1
    (run,) = prefect.runs
    assert f"flow run {run} is paused still; it goes on" in done.stderr


def test_who_stops_waiting_is_told_that_the_run_goes_on(
    wickie: Wickie, prefect: Prefect, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    prefect.states = [state("RUNNING")]
    monkeypatch.setattr("wickie.cli.trigger.time.sleep", interrupted)
    done = wickie("trigger", NAME, "--wait")
    assert done.exit_code == 130
    assert "no longer waiting for brave-run" in done.stderr
    assert "it goes on: to end it, cancel it in Prefect" in done.stderr


def test_a_start_whose_answer_is_lost_is_asked_for_again_and_is_one_run(
    wickie: Wickie, prefect: Prefect
) -> None:
    prefect.losing = 1
    done = wickie("trigger", NAME)
    assert done.exit_code == 0, done.output
    assert prefect.lost == 1
    assert len(prefect.runs) == 1
    assert wickie("trigger", NAME).exit_code == 0
    assert len(prefect.runs) == 2


def test_no_message_of_a_run_commands_the_terminal_or_the_pipeline(
    wickie: Wickie, prefect: Prefect
) -> None:
    prefect.states = [state("FAILED", "over\n::add-path::/tmp\x1b[2J")]
    done = wickie("trigger", NAME, "--wait")
    assert [line for line in done.stdout.splitlines() if line.startswith("::")] == []
    assert "\x1b" not in done.stdout


def test_mistakes_are_told_before_anything_is_started(wickie: Wickie, prefect: Prefect) -> None:
    for words, told in (
        (["rotate/none"], "has no deployment rotate/none"),
        ([NAME, "--param", "x"], "--param x is no name=value"),
        ([NAME, "--timeout", "soon"], "is written 90s"),
    ):
        done = wickie("trigger", *words)
        assert done.exit_code in {1, 2}
        assert told in done.stderr
    assert not prefect.runs


def test_without_prefects_own_variables_it_is_the_server_of_wickie_yaml(
    wickie: Wickie,
    prefect: Prefect,
    configured: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("PREFECT_API_URL")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    section = {"api_url": prefect.url, "backend": "self-hosted", "auth_string_secret": "auth"}
    configured(json.dumps({"stage": "dev", "prefect": section}))
    with mock_aws():
        boto3.client("secretsmanager").create_secret(Name="auth", SecretString="a:b")
        done = wickie("trigger", NAME)
    assert done.exit_code == 0, done.output
    assert prefect.authorizations == {"Basic YTpi"}
    configured('{"stage": "dev"}')
    assert "set PREFECT_API_URL, or prefect in wickie.yaml" in wickie("trigger", NAME).stderr
