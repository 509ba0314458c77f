"""The watch function as Lambda runs it, against the account that moto keeps."""

from __future__ import annotations

import importlib.util
import json

import boto3
import pytest
from moto import mock_aws

from stacks.packaging import build

pytestmark = pytest.mark.slow


@pytest.fixture
def watch(tmp_path, monkeypatch):
    """The handler, from a folder built for a honeytoken and two secrets, one of which is gone."""
    monkeypatch.setenv("WICKIE_STAGE", "dev")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    watched = {"secrets": ["there", "gone"], "honeytokens": {"honey": "asleep"}}
    folder = build("watch", tmp_path, files={"watched.json": json.dumps(watched)})
    place = folder / "lambdas" / "watch.py"
    spec = importlib.util.spec_from_file_location("watch_under_test", place)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_secret_that_is_gone_is_counted_and_named(watch, capsys):
    with mock_aws():
        boto3.client("secretsmanager").create_secret(Name="there", SecretString="{}")
        boto3.client("iam").create_user(UserName="asleep")
        boto3.client("iam").create_access_key(UserName="asleep")
        watch.lambda_handler({}, None)
    line = json.loads(capsys.readouterr().out)
    assert (line["SecretsUnreadable"], line["unreadable"]) == (1, ["gone"])
    assert (line["SecretsStuck"], line["SecretsOverdue"], line["stage"]) == (0, 0, "dev")
    assert line["HoneytokensUsed"] == 0
