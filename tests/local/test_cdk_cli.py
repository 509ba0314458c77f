"""The unmodified CDK CLI deploys, compares, updates, fails, and destroys against the local AWS."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from local.world import ACCOUNT, REGION
from tests.local.cdk import Cli, synthesised

if TYPE_CHECKING:
    from collections.abc import Callable

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


def test_a_network_of_wickies_own_closes_and_opens_again(cli: Cli) -> None:
    client = cli.aws.world.client
    cli.works("bootstrap", f"aws://{ACCOUNT}/{REGION}")
    client("secretsmanager").create_secret(Name="sign", SecretString='{"kid": "a", "k": "b"}')
    wanted = {
        "stage": "dev",
        "image": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/wickie@sha256:{'0' * 64}",
        "retain": False,
        "secrets": [{"name": "sign", "engine": "signing-key", "strategy": "dual-key"}],
    }
    apps = {}
    for mode in ("private-endpoints", "public-egress"):
        config = cli.folder / f"{mode}.yaml"
        config.write_text(json.dumps(wanted | {"network": {"mode": mode}}))
        apps[mode] = synthesised(config, cli.folder / mode)
    for mode in ("private-endpoints", "public-egress", "private-endpoints"):
        app = apps[mode]
        cli.works(*cli.deploy(app))
        cli.works("diff", "--fail", "--app", app)
        assert _left_over(client) == set()
        functions = client("lambda").list_functions()["Functions"]
        (rotates,) = (f for f in functions if "-rotate-" in f["FunctionName"])
        inside = bool(rotates.get("VpcConfig", {}).get("SubnetIds"))
        assert inside is (mode == "private-endpoints")
    cli.works("destroy", "--all", "--force", "--app", app)
    assert all(vpc["IsDefault"] for vpc in client("ec2").describe_vpcs()["Vpcs"])


def _left_over(client: Callable[[str], Any]) -> set[str]:
    """What there is of networks and is in no stack."""
    ec2, stacks = client("ec2"), client("cloudformation")
    ours = {vpc["VpcId"] for vpc in ec2.describe_vpcs()["Vpcs"] if not vpc["IsDefault"]}
    found = [
        *((s["VpcId"], s["SubnetId"]) for s in ec2.describe_subnets()["Subnets"]),
        *(
            (endpoint["VpcId"], endpoint["VpcEndpointId"])
            for endpoint in ec2.describe_vpc_endpoints()["VpcEndpoints"]
            if endpoint["State"] != "deleted"
        ),
        *(
            (g["VpcId"], g["GroupId"])
            for g in ec2.describe_security_groups()["SecurityGroups"]
            if g["GroupName"] != "default"
        ),
    ]
    resources = stacks.describe_stack_resources(StackName="WickieNetwork-dev")["StackResources"]
    held = {resource["PhysicalResourceId"] for resource in resources}
    return (ours | {id_ for vpc, id_ in found if vpc in ours}) - held
