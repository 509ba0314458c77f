"""The rotation function as Lambda runs it: from its zip, with boto3 beside it and nothing else."""

from __future__ import annotations

import importlib.metadata
import io
import json
import os
import socket
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from lambdas import rotate
from stacks.packaging import archive, build
from wickie.errors import ConfigError

pytestmark = pytest.mark.slow  # it builds zips

ANSWER = """
import json, sys
sys.path[:0] = json.loads(sys.argv[1])
from lambdas.rotate import lambda_handler

class Context:
    def get_remaining_time_in_millis(self):
        return 60_000

try:
    lambda_handler(json.loads(sys.argv[2]), Context())
except Exception as error:
    print(json.dumps([type(error).__name__, str(error), sorted(sys.modules)]))
"""
ENVIRONMENT = {
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "WICKIE_STAGE": "dev",
    # Whoever runs this may have credentials at hand.
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_CONFIG_FILE": os.devnull,
    "WICKIE_ENGINE": "postgres",
    "WICKIE_STRATEGY": "single-user",
    "WICKIE_FINGERPRINT_TABLE": "t",
    "WICKIE_FINGERPRINT_KEY": "k",
}


class Context:
    def get_remaining_time_in_millis(self) -> int:
        return 60_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return build("postgres", tmp_path_factory.mktemp("project"))


def answer(folder, runtime, tmp_path, event, **more):
    unpacked = tmp_path / "task"
    with zipfile.ZipFile(io.BytesIO(archive(folder))) as bundle:
        bundle.extractall(unpacked)
    paths = json.dumps([str(unpacked), str(runtime)])
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", ANSWER, paths, json.dumps(event)],
        env=ENVIRONMENT | {"PATH": os.environ["PATH"]} | more,
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert not done.returncode, done.stderr.decode()
    kind, text, modules = json.loads(done.stdout.decode().splitlines()[-1])
    return kind, text, {name.partition(".")[0] for name in modules}


def test_the_zip_answers_with_only_lambdas_runtime_beside_it(folder, runtime, tmp_path):
    kind, text, modules = answer(folder, runtime, tmp_path, {"SecretId": "s", "Action": "verify"})
    assert (kind, text.startswith("no AWS credentials")) == ("ConfigError", True)
    assert {"botocore", "wickie"} <= modules
    assert not modules & {"pydantic", "numpy", "yaml", "rich", "typer", "moto", "prefect"}


def test_a_start_imports_neither_botocore_nor_a_driver_that_no_server_is_asked_with(
    folder, runtime, tmp_path
):
    event = {"SecretId": "s", "Step": "createSecret", "ClientRequestToken": "t"}
    with socket.create_server(("127.0.0.1", 0)) as listening:
        nobody = listening.getsockname()[1]
    kind, text, modules = answer(
        folder,
        runtime,
        tmp_path,
        event,
        AWS_ACCESS_KEY_ID="AKIA",
        AWS_SECRET_ACCESS_KEY="none",
        AWS_ENDPOINT_URL=f"http://127.0.0.1:{nobody}",
    )
    assert (kind, text.startswith("AWS could not be asked")) == ("ProviderUnavailableError", True)
    assert not modules & {"boto3", "botocore", "urllib3", "pg8000", "scramp", "asn1crypto"}


def test_the_zip_holds_all_that_its_driver_needs(folder, runtime):
    paths = json.dumps([str(folder), str(runtime)])
    program = (
        "import json, sys; sys.dont_write_bytecode = True; sys.path[:0] = json.loads(sys.argv[1]);"
        "from wickie.providers.postgres import scram_verifier; from wickie.providers.pgwire import"
        " literal; print(literal(scram_verifier('p')));"
        "from importlib.metadata import version; print(version('pg8000'))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program, paths], capture_output=True, check=True
    )
    verifier, version = done.stdout.decode().splitlines()
    assert "'SCRAM-SHA-256$" in verifier
    assert version == importlib.metadata.version("pg8000")


def test_the_zip_is_small_and_holds_no_more_than_is_needed(folder):
    assert len(archive(folder)) < 140_000
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    tops = {name.partition("/")[0].partition("-")[0] for name in files}
    assert tops == {"lambdas", "wickie", "pg8000", "scramp", "asn1crypto"}
    assert "wickie/rotation/driver.py" in files
    assert "wickie/rotation/replacement.py" not in files
    assert not [f for f in files if f.startswith("wickie/config")]
    assert not [f for f in files if "__pycache__" in f or "tzdata" in f or "/scan/" in f]
    licences = [f for f in files if f.endswith("LICENSE")]
    assert len(licences) == 3


@pytest.mark.parametrize(
    ("engine", "drivers"),
    [
        ("iam-access-key", set()),
        ("ses-smtp", set()),
        ("rds-master", {"pg8000", "scramp", "asn1crypto", "pymysql"}),
    ],
)
def test_a_zip_takes_along_the_engines_that_its_own_opens(engine, drivers, tmp_path):
    folder = build(engine, tmp_path)
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    tops = {name.partition("/")[0].partition("-")[0] for name in files}
    assert tops == {"lambdas", "wickie"} | drivers
    assert ("wickie/providers/pgwire.py" in files) is bool(drivers)


def test_the_zip_is_the_same_every_time(folder, tmp_path):
    assert archive(build("postgres", tmp_path)) == archive(folder)


def test_building_again_does_not_disturb_who_is_reading(tmp_path):
    folder = build("postgres", tmp_path)
    before = folder.stat().st_ino
    assert build("postgres", tmp_path).stat().st_ino == before
    (folder / "wickie" / "left_over.py").write_text("")
    build("postgres", tmp_path)
    assert not (folder / "wickie" / "left_over.py").exists()


def test_one_log_line_for_a_step_without_any_secret(monkeypatch, capsys):
    monkeypatch.setattr(rotate, "respond", lambda *_: {"verdict": "LIVE"})
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    event = {
        "Step": "setSecret",
        "SecretId": "arn:s",
        "ClientRequestToken": "t1",
        "RotationToken": "not-to-be-logged",
    }
    assert rotate.lambda_handler(event, Context()) == {"verdict": "LIVE"}
    (text,) = capsys.readouterr().out.splitlines()
    line = json.loads(text)  # nothing before it, else CloudWatch reads no metric
    assert (line["step"], line["SecretId"], line["version"]) == ("setSecret", "arn:s", "t1")
    assert (line["stage"], line["engine"]) == ("dev", "postgres")
    assert line["Duration"] >= 0
    assert "not-to-be-logged" not in text


def test_a_function_without_its_settings_says_which(monkeypatch):
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ConfigError, match="environment lacks WICKIE_ENGINE"):
        rotate.lambda_handler({"SecretId": "s"}, Context())


def test_the_handler_is_a_door_and_not_a_room():
    assert len(Path(rotate.__file__).read_text().splitlines()) <= 30
