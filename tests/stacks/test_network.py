"""Where functions and flows run, by the mode that wickie.yaml names."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.stacks.test_permissions import _actions
from wickie.config import Config, endpoints

if TYPE_CHECKING:
    from tests.stacks.conftest import Assembly, Synthesise
    from wickie.config import Network

pytestmark = pytest.mark.slow

STACK = "WickieNetwork-dev"
ENDPOINT = "AWS::EC2::VPCEndpoint"
ECR = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/wickie@sha256:" + "0" * 64


def _private(**settings: Any) -> Config:
    network = settings.pop("network", {}) | {"mode": "private-endpoints"}
    return Config.model_validate({"stage": "dev", "image": ECR, "network": network} | settings)


@pytest.fixture(scope="module")
def alone(synthesise: Synthesise) -> Assembly:
    """A VPC of wickie's own that reaches AWS alone, and nothing that needs more."""
    secrets = [{"name": "sign", "engine": "signing-key", "strategy": "dual-key"}]
    targets = [{"kind": "lambda-environment"}, {"kind": "s3", "bucket": "logs-of-shop"}]
    return synthesise(_private(secrets=secrets, scan={"targets": targets}))


def _names(assembly: Assembly) -> dict[str, dict[str, Any]]:
    found = (e["Properties"] for e in assembly.resources(ENDPOINT, STACK).values())
    return {e["ServiceName"]["Fn::Join"][1][-1].removeprefix("."): e for e in found}


def _list(one_or_more: str | list[str]) -> list[str]:
    return [one_or_more] if isinstance(one_or_more, str) else one_or_more


def test_every_service_that_is_granted_has_an_endpoint_and_no_other_has(alone: Assembly) -> None:
    actions = {
        action
        for stack in ("WickieRotation-dev", "WickieWorkPool-dev")
        for action in _actions(alone.statements(stack, ""))
        if not action.startswith("ec2:")  # Lambda's own, from outside
    }
    services = {action.partition(":")[0] for action in actions}
    assert services >= {"kms", "secretsmanager", "dynamodb", "s3", "logs", "ecr", "ssm", "lambda"}
    wanted = {n for s in services for n in endpoints.INTERFACE.get(s, (s,))}
    assert _names(alone).keys() == wanted


def test_gateways_are_in_the_route_tables_and_the_rest_in_the_subnets(alone: Assembly) -> None:
    for name, endpoint in _names(alone).items():
        if name in endpoints.GATEWAY:
            assert (endpoint["VpcEndpointType"], len(endpoint["RouteTableIds"])) == ("Gateway", 2)
        else:
            assert endpoint["VpcEndpointType"] == "Interface"
            assert endpoint["PrivateDnsEnabled"] is True
            assert len(endpoint["SubnetIds"]) == 2


def test_no_way_leads_out_and_only_ours_may_ask_the_endpoints(alone: Assembly) -> None:
    types = {r["Type"] for r in alone.template(STACK)["Resources"].values()}
    assert not types & {
        "AWS::EC2::InternetGateway",
        "AWS::EC2::NatGateway",
        "AWS::EC2::Route",
    }
    groups = alone.resources("AWS::EC2::SecurityGroup", STACK)
    (inside,) = (name for name in groups if "Egress" in name)
    (rule,) = (
        rule
        for group in groups.values()
        for rule in group["Properties"].get("SecurityGroupIngress", ())
    )
    assert rule["SourceSecurityGroupId"] == {"Fn::GetAtt": [inside, "GroupId"]}
    assert (rule["FromPort"], rule["ToPort"]) == (443, 443)


def test_rotation_functions_and_flows_are_both_in_it(alone: Assembly) -> None:
    functions = alone.resources("AWS::Lambda::Function", "WickieRotation-dev").values()
    assert all(len(f["Properties"]["VpcConfig"]["SubnetIds"]) == 2 for f in functions)
    pool = json.dumps(alone.only("AWS::SSM::Parameter", "WickieWorkPool-dev"))
    assert "NetworkVpcIsolatedSubnet" in pool
    assert '\\"assign_public_ip\\":false' in pool.replace('\\\\"', '\\"')


def test_what_functions_are_in_stays_as_it_is_when_the_mode_changes(
    assembly: Assembly, alone: Assembly
) -> None:
    """They leave it after its stack has been deployed; AWS deletes nothing that is in use."""
    for type_ in ("VPC", "Subnet", "SecurityGroup"):
        opened, closed = (a.resources(f"AWS::EC2::{type_}", STACK) for a in (assembly, alone))
        kept = {name: closed[name] for name in closed if "Endpoints" not in name}
        assert kept
        assert kept.items() <= opened.items()


def test_in_a_vpc_of_yours_only_endpoints_and_their_group_are_made(
    synthesise: Synthesise, network: Network
) -> None:
    yours = network.model_dump(mode="json", exclude={"mode", "assign_public_ip"})
    yours["route_tables"] = ["rtb-0123456789abcdef0"]
    secrets = [{"name": "db", "engine": "postgres", "strategy": "single-user"}]
    assembly = synthesise(_private(network=yours, secrets=secrets))
    types = {r["Type"] for r in assembly.template(STACK)["Resources"].values()}
    assert types == {ENDPOINT, "AWS::EC2::SecurityGroup"}
    for endpoint in _names(assembly).values():
        assert endpoint["VpcId"] == network.vpc_id
    function = assembly.only("AWS::Lambda::Function", "WickieRotation-dev")
    assert function["Properties"]["VpcConfig"]["SubnetIds"] == list(network.subnets)
    manifest = json.loads((assembly.directory / "manifest.json").read_text())["artifacts"]
    for stack in ("WickieRotation-dev", "WickieWorkPool-dev"):
        assert STACK in manifest[stack]["dependencies"]


def test_in_an_existing_network_nothing_is_made(synthesise: Synthesise, network: Network) -> None:
    template = synthesise(Config(stage="dev", network=network)).template(STACK)
    assert [r["Type"] for r in template["Resources"].values()] == [
        "AWS::CloudFormation::WaitConditionHandle"
    ]


def test_nobody_imports_an_export_of_the_network_so_that_its_mode_can_change(
    assembly: Assembly, alone: Assembly
) -> None:
    for found in (assembly, alone):
        outputs = found.template(STACK).get("Outputs", {})
        assert outputs
        assert not [o for o in outputs.values() if "Export" in o]
