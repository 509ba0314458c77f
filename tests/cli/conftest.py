"""The program as its users run it: a runner in this process, and a folder to work in."""

from __future__ import annotations

import secrets
import string
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest
from moto import mock_aws
from typer.testing import CliRunner, Result

from tests import deployed as made
from tests.cli.leaks import ARN
from wickie.cli import app
from wickie.credentials import Sensitive
from wickie.fingerprints import FingerprintTable, working_key
from wickie.model import Stage

Wickie = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: empty."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def wickie(folder: Path) -> Wickie:  # noqa: ARG001  (every command runs in the empty folder)
    """Run `wickie ARGUMENT…` and return what it wrote and its exit code."""
    return lambda *arguments: CliRunner().invoke(app, arguments)


@pytest.fixture
def configured(folder: Path) -> Callable[[str], Path]:
    """Write a wickie.yaml into the working directory."""

    def write(text: str) -> Path:
        path = folder / "wickie.yaml"
        path.write_text(text)
        return path

    return write


@pytest.fixture
def home(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user who has never run wickie; Kingfisher's cache of compiled rules is left as it is."""
    home = folder / "home"
    monkeypatch.setattr(Path, "home", lambda: home)
    return home


@pytest.fixture
def token() -> str:
    """A Stripe key such as Kingfisher's rules know, made at run time."""
    letters = string.ascii_letters + string.digits
    return "sk_live_" + "".join(secrets.choice(letters) for _ in range(24))


@pytest.fixture
def code(folder: Path) -> Path:
    """A directory with nothing in it to find."""
    (folder / "code").mkdir()
    (folder / "code" / "main.py").write_text("print('hello')\n")
    return folder / "code"


@pytest.fixture
def deployed() -> Iterator[str]:
    """A deployed stage that has published a managed secret; yields its value."""
    with mock_aws():
        kms, dynamodb = boto3.client("kms"), boto3.client("dynamodb")
        made.stage(boto3.client, "prod", fingerprint_key=(key_id := made.create_key(kms)))
        value = secrets.token_urlsafe(32)
        key = working_key(kms, key_id)
        FingerprintTable(dynamodb, "fingerprint_table").publish(
            ARN, "v1", Stage.CURRENT, Sensitive(value), key
        )
        yield value
