"""The local AWS as a whole: start, stop, what it leaves behind, and its clock."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import boto3
import psutil
import pytest

from local.server import LocalAws
from local.world import World
from tests.local.conftest import Account

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.slow

SLEEPER = "import os\ndef handler(event, context): return os.getpid()"


@pytest.fixture
def aws() -> None:
    """None that lasts: each test here starts its own."""


def clock(endpoint: str, **body: Any) -> float:
    data = json.dumps(body).encode() if body else None
    with urllib.request.urlopen(f"{endpoint}/local/clock", data) as answer:  # noqa: S310
        return float(json.load(answer)["now"])


def test_one_after_the_other_starts_empty() -> None:
    for _ in range(2):
        with LocalAws() as aws:
            s3 = aws.world.client("s3")
            assert not s3.list_buckets()["Buckets"]
            s3.create_bucket(Bucket="a-bucket")


def test_two_at_once_are_refused() -> None:
    with LocalAws(), pytest.raises(RuntimeError, match="one local AWS"):
        LocalAws().__enter__()


def test_a_port_in_use_is_named() -> None:
    with LocalAws() as aws:
        port = int(aws.endpoint.rsplit(":", 1)[1])
        with pytest.raises(OSError, match=f"port {port} is in use"):
            LocalAws(port).__enter__()


def test_stopping_ends_processes_and_removes_files() -> None:
    with LocalAws() as aws:
        account = Account(aws)
        answer = account.client("lambda").invoke(FunctionName=account.function(SLEEPER))
        pid, scratch = json.load(answer["Payload"]), aws.world.scratch
        assert psutil.pid_exists(pid)
    assert not scratch.exists()
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_its_environment_is_all_a_client_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    with LocalAws() as aws:
        for name, value in aws.environment().items():
            monkeypatch.setenv(name, value)
        assert boto3.client("sts").get_caller_identity()["Account"] == "123456789012"


def test_the_clock_is_read_and_moved_over_http() -> None:
    with LocalAws() as aws:
        before = clock(aws.endpoint)
        assert clock(aws.endpoint, advance=3600) - before >= 3600
        assert aws.world.clock.now() - before >= 3600
        for wrong in ({"advance": -1}, {"advance": "soon"}, {"back": 1}):
            with pytest.raises(urllib.error.HTTPError, match="400"):
                clock(aws.endpoint, **wrong)


def test_a_bucket_that_demands_tls_is_usable_and_other_denials_hold() -> None:
    deny: dict[str, Any] = {"Effect": "Deny", "Principal": "*"}
    over_http = deny | {
        "Action": "s3:*",
        "Resource": ["arn:aws:s3:::guarded", "arn:aws:s3:::guarded/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    reading = deny | {"Action": "s3:GetObject", "Resource": "arn:aws:s3:::guarded/closed/*"}
    policy = {"Version": "2012-10-17", "Statement": [over_http, reading]}
    with LocalAws() as aws:
        s3 = aws.world.client("s3")
        s3.create_bucket(Bucket="guarded")
        s3.put_bucket_policy(Bucket="guarded", Policy=json.dumps(policy))
        for key in ("open/a", "closed/a"):
            s3.put_object(Bucket="guarded", Key=key, Body=b"x")
        assert s3.get_object(Bucket="guarded", Key="open/a")["Body"].read() == b"x"
        with pytest.raises(s3.exceptions.ClientError, match="Forbidden"):
            s3.get_object(Bucket="guarded", Key="closed/a")


def test_a_role_may_have_policies_that_aws_manages() -> None:
    policy = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
    with LocalAws() as aws:
        iam = aws.world.client("iam")
        iam.create_role(RoleName="r", AssumeRolePolicyDocument="{}")
        iam.attach_role_policy(RoleName="r", PolicyArn=policy)
        attached = iam.list_attached_role_policies(RoleName="r")["AttachedPolicies"]
    assert [found["PolicyArn"] for found in attached] == [policy]


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_in_the_foreground_it_greets_and_ends_with_all_it_started(
    eventually: Callable[[Callable[[], Any]], Any], stop: signal.Signals, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "local", "--port", "0"]
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment["TMPDIR"] = str(tmp_path)
    program = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True)
    assert program.stdout is not None
    endpoint = program.stdout.readline().split()[3].rstrip(",")
    lines = iter(program.stdout.readline, "")
    exported = next(line for line in lines if "AWS_ENDPOINT_URL" in line)
    assert exported.strip() == f"export AWS_ENDPOINT_URL={endpoint}"
    account = Account(SimpleNamespace(world=World(endpoint, tmp_path)))  # type: ignore[arg-type]
    answer = account.client("lambda").invoke(FunctionName=account.function(SLEEPER))
    child = psutil.Process(json.load(answer["Payload"]))
    program.send_signal(stop)
    killed = stop is signal.SIGKILL
    assert program.wait(60) == (-signal.SIGKILL if killed else 130)
    program.stdout.close()
    eventually(lambda: not child.is_running())
    assert killed or not list(tmp_path.iterdir())


def test_a_profile_or_proxy_of_the_host_does_not_reach_its_own_clients(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "of-the-host")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    with LocalAws() as aws:
        assert aws.world.client("sqs").list_queues()
