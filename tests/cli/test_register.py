"""`wickie register` where it cannot. With a real server: tests/local/test_registration.py."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from tests.cli.conftest import Wickie

Write = Callable[[str], Path]
PREFECT = """
stage: x
prefect: {api_url: "https://prefect.example.com/api", backend: self-hosted}
"""


def test_without_a_prefect_api_the_remedy_is_told(wickie: Wickie, configured: Write) -> None:
    configured("stage: x")
    done = wickie("register", "--plan")
    assert done.exit_code == 1
    assert "wickie.yaml names no Prefect API; say under prefect where it is" in done.stderr


def test_elsewhere_than_in_a_checkout_the_remedy_is_told(wickie: Wickie, configured: Write) -> None:
    configured(PREFECT)
    done = wickie("register")
    assert done.exit_code == 1
    assert "cannot read prefect.yaml" in done.stderr
    assert "run this in a checkout of wickie" in done.stderr


def test_a_stage_that_is_not_deployed_is_told_before_prefect_is_asked(
    wickie: Wickie, configured: Write, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configured(PREFECT)
    ours = Path(__file__).parents[2] / "prefect.yaml"
    (folder / "prefect.yaml").write_text(ours.read_text())
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        assert boto3.client("ssm").describe_parameters()["Parameters"] == []
        done = wickie("register")
    assert done.exit_code == 1
    assert "stage x is not deployed here" in done.stderr
