"""Whoever refreshes dependents may do what each kind declares, on exactly what is declared."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.stacks.conftest import Assembly
from tests.stacks.test_permissions import LOGGING, _actions
from tests.stacks.test_rotation import _resources, _secret
from wickie.config import Config
from wickie.rotation import discovery, refresh
from wickie.rotation.dependents.registry import KINDS

if TYPE_CHECKING:
    from tests.stacks.conftest import Synthesise
    from wickie.config import Network

pytestmark = pytest.mark.slow

ROTATION, WORK_POOL = "WickieRotation-dev", "WickieWorkPool-dev"
ROLES = [(ROTATION, "Refresh"), (WORK_POOL, "FlowTaskRole")]
ALL = {action for kind in KINDS.values() for action in kind.PERMISSIONS}
HERE = "${Region}:${AccountId}"


@pytest.fixture(scope="module")
def declared(synthesise: Synthesise, dependents: Config) -> Assembly:
    """The stacks of a secret with a dependent of each kind."""
    return synthesise(dependents)


def granted(assembly: Assembly, stack: str, role: str, action: str) -> list[dict[str, Any]]:
    statements = assembly.statements(stack, role)
    return [s for s in statements if action in _actions([s])]


def on(assembly: Assembly, stack: str, role: str, action: str) -> set[str]:
    found = granted(assembly, stack, role, action)
    return {arn for statement in found for arn in _resources(statement)}


def test_the_refresh_function_may_do_what_the_kinds_declare(declared: Assembly) -> None:
    allowed = _actions(declared.statements(ROTATION, "RefreshRole"))
    assert allowed == {*refresh.PERMISSIONS, *ALL, *LOGGING}


def test_flows_may_do_so_too_and_look_for_who_is_not_declared(declared: Assembly) -> None:
    allowed = _actions(declared.statements(WORK_POOL, "FlowTaskRole"))
    assert {*ALL, *discovery.PERMISSIONS} <= allowed


@pytest.mark.parametrize(("stack", "role"), ROLES)
def test_neither_may_read_a_secret(declared: Assembly, stack: str, role: str) -> None:
    statements = declared.statements(stack, role)
    assert statements
    assert not granted(declared, stack, role, "secretsmanager:GetSecretValue")
    assert not [a for a in _actions(statements) if "*" in a]


@pytest.mark.parametrize(("stack", "role"), ROLES)
def test_grants_name_exactly_what_wickie_yaml_names(
    declared: Assembly, dependents: Config, stack: str, role: str
) -> None:
    webhook = dependents.secrets[0].dependents[-1]
    functions = declared.resources("AWS::Lambda::Function", ROTATION).values()
    (rotates,) = (
        f["Properties"]["FunctionName"]
        for f in functions
        if f["Properties"]["Handler"] == "lambdas.rotate.lambda_handler"
    )
    partition = "arn:${Partition}"
    signing = granted(declared, stack, role, "kms:GenerateMac")
    assert webhook.key in json.dumps(signing)  # type: ignore[union-attr]
    assert on(declared, stack, role, "lambda:InvokeFunction") == {
        f"{partition}:lambda:{HERE}:function:{rotates}"
    }
    assert on(declared, stack, role, "ecs:UpdateService") == {
        f"{partition}:ecs:{HERE}:service/shop/checkout"
    }
    assert on(declared, stack, role, "lambda:UpdateFunctionConfiguration") == {
        f"{partition}:lambda:{HERE}:function:shop-invoices"
    }


@pytest.mark.parametrize(("stack", "role"), ROLES)
def test_a_command_may_be_sent_to_instances_with_the_tags_alone(
    declared: Assembly, stack: str, role: str
) -> None:
    document, tagged = sorted(
        granted(declared, stack, role, "ssm:SendCommand"), key=lambda s: "Condition" in s
    )
    assert _resources(document) == [f"arn:${{Partition}}:ssm:{HERE}:document/ShopReloadCredentials"]
    assert tagged["Condition"] == {"StringEquals": {"ssm:resourceTag/app": "shop"}}
    assert all(arn.endswith("instance/*") for arn in _resources(tagged))


def test_the_refresh_function_signs_by_no_key_but_the_webhooks(
    declared: Assembly, dependents: Config
) -> None:
    webhook = dependents.secrets[0].dependents[-1]
    assert on(declared, ROTATION, "Refresh", "kms:GenerateMac") == {webhook.key}  # type: ignore[union-attr]


def test_only_the_secret_s_own_function_reads_the_key_of_prefects_api(
    synthesise: Synthesise, dependents: Config
) -> None:
    other = dependents.secrets[0].model_copy(update={"name": "shop/other", "dependents": ()})
    secrets = (dependents.secrets[0], other)
    assembly = synthesise(dependents.model_copy(update={"secrets": secrets}))
    functions = assembly.resources("AWS::Lambda::Function", ROTATION)
    readers = {
        logical_id: on(assembly, ROTATION, logical_id[:-16], "secretsmanager:GetSecretValue")
        for logical_id, function in functions.items()
        if "Environment" in function["Properties"]
    }
    assert sorted(readers.values(), key=len) == [
        {_secret("shop/other")},
        {_secret("shop/database"), _secret("prefect/api-key")},
    ]
    for logical_id, readable in readers.items():
        variables = functions[logical_id]["Properties"]["Environment"]["Variables"]
        assert ("WICKIE_BLOCKS" in variables) == (len(readable) == 2)
        for block in json.loads(variables.get("WICKIE_BLOCKS", "[]")):
            assert block["block"] == "secret/shop-database"


def test_a_function_that_calls_webhooks_runs_in_the_network_of_wickie_yaml(
    synthesise: Synthesise, dependents: Config, network: Network
) -> None:
    def refreshes(config: Config) -> dict[str, Any]:
        functions = synthesise(config).resources("AWS::Lambda::Function", ROTATION).values()
        handlers = {f["Properties"]["Handler"]: f["Properties"] for f in functions}
        found: dict[str, Any] = handlers["lambdas.refresh.lambda_handler"]
        return found

    inside = dependents.model_copy(update={"network": network})
    assert refreshes(inside)["VpcConfig"]["SubnetIds"] == list(network.subnets)
    secret = inside.secrets[0]
    without = secret.model_copy(update={"dependents": secret.dependents[:2]})
    assert "VpcConfig" not in refreshes(inside.model_copy(update={"secrets": (without,)}))
