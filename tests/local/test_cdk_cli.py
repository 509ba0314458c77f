"""The unmodified CDK CLI deploys, compares, updates, fails, and destroys against the local AWS."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from local.world import ACCOUNT, REGION
from tests.local.cdk import Cli

if TYPE_CHECKING:
    from local.server import LocalAws

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

APP = Path(__file__).parent / "fixtures" / "cdk_app"


def synth(cli: Cli, name: str, *context: str) -> str:
    """The folder of an assembly of the app."""
    out = cli.folder / name
    options = [word for pair in context for word in ("--context", pair)]
    cli.works("synth", "--quiet", "--output", str(out), *options, cwd=APP)
    return str(out)


@pytest.fixture
def cli(aws: LocalAws, tmp_path: Path) -> Cli:
    return Cli(aws, tmp_path)


def test_an_apps_whole_life(cli: Cli, tmp_path: Path) -> None:
    client = cli.aws.world.client
    hello = synth(cli, "hello")
    cli.works("bootstrap", f"aws://{ACCOUNT}/{REGION}")

    outputs = tmp_path / "outputs.json"
    cli.works(*cli.deploy(hello, "--outputs-file", str(outputs)))
    assert json.loads(outputs.read_text())["TinyWork"]["Seeded"] == "HELLO"
    cli.works("diff", "--fail", "--app", hello)
    again = cli.works(*cli.deploy(hello))
    assert again.count("(no changes)") == 2

    broken = cli.run(*cli.deploy(synth(cli, "broken", "greeting=bye", "broken=true")))
    assert broken.returncode != 0
    assert "no-such-function" in broken.stdout + broken.stderr
    greeting = client("ssm").get_parameter(Name="/tiny/greeting")["Parameter"]["Value"]
    assert greeting == "hello", "the failed update must be rolled back"
    cli.works("diff", "--fail", "--app", hello)

    bye = synth(cli, "bye", "greeting=bye")
    assert cli.run("diff", "--fail", "--app", bye).returncode == 1
    cli.works(*cli.deploy(bye, "--outputs-file", str(outputs)))
    assert json.loads(outputs.read_text())["TinyWork"]["Seeded"] == "BYE"
    cli.works("diff", "--fail", "--app", bye)

    cli.works("destroy", "--all", "--force", "--app", bye)
    left = [stack["StackName"] for stack in client("cloudformation").describe_stacks()["Stacks"]]
    assert left == ["CDKToolkit"]
    buckets = [bucket["Name"] for bucket in client("s3").list_buckets()["Buckets"]]
    assert buckets == [f"cdk-hnb659fds-assets-{ACCOUNT}-{REGION}"]
    assert client("dynamodb").list_tables()["TableNames"] == []
    assert client("lambda").list_functions()["Functions"] == []
    assert all(vpc["IsDefault"] for vpc in client("ec2").describe_vpcs()["Vpcs"])
