from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import boto3
import pytest
from moto import mock_aws
from typer.testing import Result

from wickie.aws import Clients
from wickie.errors import ProviderError
from wickie.model import RotationOutcome, RotationState, TimelineEntry, Verdict
from wickie.rotation.replacement import ReplacementRequest, StepRunner

Wickie = Callable[..., Result]

YAML = """
stage: prod
secrets:
  - name: shop/a
    engine: postgres
    strategy: single-user
    dependents: [{kind: ecs-service, cluster: shop, service: web}, {kind: lambda, function: f}]
  - {name: shop/b, engine: postgres, strategy: alternating-users}
"""


@pytest.fixture
def requests(
    monkeypatch: pytest.MonkeyPatch, configured: Callable[[str], Path]
) -> list[ReplacementRequest]:
    """The procedure replaced by one that fails for `shop/a` alone; what it was asked for."""
    asked: list[ReplacementRequest] = []

    def replace(request: ReplacementRequest, clients: Clients, run: StepRunner) -> RotationOutcome:
        assert isinstance(clients, Clients)
        asked.append(request)
        run("preflight", lambda: None)
        bad = request.secret == "shop/a"
        return RotationOutcome(
            secret=request.secret,
            state=RotationState.FAILED if bad else RotationState.ROTATED,
            reason=request.reason,
            error="host db.invalid does not answer; correct it" if bad else None,
            old_credential=Verdict.DEAD,
            timeline=(TimelineEntry("asked", datetime.now(UTC)),),
        )

    monkeypatch.setattr("wickie.cli.rotate.replace", replace)
    configured(YAML)
    return asked


def test_one_that_fails_does_not_stop_the_next(
    wickie: Wickie, requests: list[ReplacementRequest]
) -> None:
    done = wickie("rotate", "shop/a", "shop/b", "--reason", "leak")
    assert done.exit_code == 1
    assert [r.secret for r in requests] == ["shop/a", "shop/b"]
    assert [r.reason for r in requests] == ["leak", "leak"]
    assert (
        "wickie: error: shop/a: host db.invalid does not answer; correct it"
        in done.stderr.splitlines()
    )
    assert "shop/b: rotated" in done.stdout


def test_nor_does_one_that_breaks_unexpectedly(
    wickie: Wickie, requests: list[ReplacementRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = __import__("wickie.cli.rotate", fromlist=["replace"]).replace

    def breaks(request: ReplacementRequest, clients: Clients, run: StepRunner) -> RotationOutcome:
        if request.secret == "shop/a":
            raise ProviderError("shop/a: no")
        outcome: RotationOutcome = replace(request, clients, run)
        return outcome

    monkeypatch.setattr("wickie.cli.rotate.replace", breaks)
    done = wickie("rotate", "shop/a", "shop/b")
    assert done.exit_code == 1
    assert [r.secret for r in requests] == ["shop/b"]
    assert "wickie: error: shop/a: no" in done.stderr


def test_its_dependents_are_those_of_wickie_yaml(
    wickie: Wickie, requests: list[ReplacementRequest]
) -> None:
    wickie("rotate", "shop/a", "--version", "v1", "--reason", "leak")
    (request,) = requests
    assert request.leaked_version == "v1"
    assert [d.name for d in request.dependents] == ["ECS service shop/web", "Lambda function f"]


def test_json_goes_to_stdout_alone_and_progress_to_stderr(
    wickie: Wickie, requests: list[ReplacementRequest]
) -> None:
    done = wickie("rotate", "shop/b", "--format", "json")
    assert done.exit_code == 0
    assert json.loads(done.stdout)["rotations"][0]["secret"] == requests[0].secret
    assert "preflight" in done.stderr


def test_a_version_belongs_to_one_secret(
    wickie: Wickie, requests: list[ReplacementRequest]
) -> None:
    done = wickie("rotate", "shop/a", "shop/b", "--version", "v1")
    assert (done.exit_code, requests) == (2, [])


@mock_aws
def test_a_secret_that_does_not_exist_or_does_not_rotate_is_told(
    wickie: Wickie, configured: Callable[[str], Path]
) -> None:
    configured(YAML)
    client = boto3.client("secretsmanager")
    client.create_secret(Name="shop/b", SecretString="{}")
    done = wickie("rotate", "shop/nowhere", "shop/b")
    assert done.exit_code == 1
    errors = [line for line in done.stderr.splitlines() if line.startswith("wickie: error: ")]
    assert "shop/nowhere does not exist here; check its name" in errors[0]
    assert "shop/b is not under rotation; add it to wickie.yaml and run cdk deploy" in errors[1]
    assert len(errors) == 2


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "wickie.yaml is empty; start from wickie.example.yaml"),
        ("stage: [", "wickie.yaml is not YAML"),
        ("stage: prod\nsecretz: []\n", "secretz: unknown key; correct its spelling"),
        (
            "stage: prod\nsecrets: [{name: a, engine: postgres, strategy: single}]\n",
            "secrets.0.strategy",
        ),
        (
            (
                "stage: prod\nsecrets: "
                "[{name: a, engine: postgres, strategy: single-user, schedule: daily}]\n"
            ),
            "write rate(N hours)",
        ),
    ],
)
@pytest.mark.parametrize("command", [["rotate", "a"], ["status"], ["scan"], ["config", "check"]])
def test_a_mistake_in_wickie_yaml_is_one_line(
    wickie: Wickie, configured: Callable[[str], Path], command: list[str], text: str, told: str
) -> None:
    configured(text)
    done = wickie(*command)
    assert (done.exit_code, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("wickie: error: wickie.yaml")
    assert told in line
