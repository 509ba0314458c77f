"""Flows may do what their modules declare and wickie.yaml asks for, and nothing more."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from local.policies.decision import Policies, Request, decide
from tests.stacks.test_permissions import _actions
from wickie import deployment, fingerprints
from wickie.config import Config
from wickie.registration import containers
from wickie.report import bus, security_hub, store
from wickie.response import throttle
from wickie.response.lambda_rollback import LambdaRollback
from wickie.rotation import replacement
from wickie.rotation.dependents.ecs_service import EcsService
from wickie.rotation.dependents.lambda_function import LambdaFunction
from wickie.scan import cache, ledger
from wickie.scan.sources import SOURCES
from wickie.vulnerabilities import imported, registries

if TYPE_CHECKING:
    from tests.stacks.conftest import Assembly, Synthesise

pytestmark = pytest.mark.slow


def test_flows_may_do_what_their_modules_declare(assembly: Assembly, example: Config) -> None:
    allowed = _actions(assembly.statements("WickieWorkPool-dev", "FlowTaskRole"))
    assert allowed == {
        *replacement.PERMISSIONS,
        *throttle.PERMISSIONS,
        *EcsService.PERMISSIONS,
        *LambdaFunction.PERMISSIONS,
        *ledger.PERMISSIONS,
        *(action for t in example.scan.targets for action in SOURCES[t.kind].permissions),
        *cache.PERMISSIONS,
        *fingerprints.RECOGNISE_PERMISSIONS,
        *store.PERMISSIONS,
        *bus.PERMISSIONS,
        *deployment.PERMISSIONS,
        *containers.PERMISSIONS,
    }


def test_flows_may_import_into_security_hub_only_where_wickie_yaml_says_so(
    synthesise: Synthesise,
) -> None:
    def granted(**opted: Any) -> list[Any]:
        config = Config.model_validate({"stage": "dev", **opted})
        statements = synthesise(config).statements("WickieWorkPool-dev", "FlowTaskRole")
        allowed = security_hub.PERMISSIONS
        return [s["Resource"] for s in statements if _actions([s]) & {*allowed}]

    (product,) = granted(report={"security_hub": True})
    assert product["Fn::Join"][1][-1] == "/default"
    assert granted() == []


def test_who_scans_parameters_can_decrypt_none_of_them(synthesise: Synthesise) -> None:
    targets = [{"kind": "ssm-parameter"}]
    config = Config.model_validate({"stage": "dev", "scan": {"targets": targets}})
    statements = synthesise(config).statements("WickieWorkPool-dev", "FlowTaskRole")
    (denied,) = (s for s in statements if s["Effect"] == "Deny")
    assert (denied["Action"], denied["Resource"]) == ("kms:Decrypt", "*")
    assert denied["Condition"] == {"StringLike": {"kms:ViaService": "ssm.*"}}
    # As AWS writes the policy of the key aws/ssm: whoever is of the account may decrypt with it.
    via = {"kms:ViaService": "ssm.eu-west-1.amazonaws.com", "kms:CallerAccount": "123456789012"}
    anyone = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "kms:*", "Resource": "*"}
    key = {"Statement": [anyone | {"Condition": {"StringEquals": via}}]}
    request = Request(
        "arn:aws:iam::123456789012:role/flows",
        "kms:Decrypt",
        "arn:aws:kms:eu-west-1:123456789012:key/of-ssm",
        {name.lower(): (value,) for name, value in via.items()},
    )
    assert not decide(request, Policies([{"Statement": [denied]}], [key])).allowed
    assert decide(request, Policies([], [key])).allowed


def test_who_scans_stages_of_apis_can_read_no_keys_of_them(synthesise: Synthesise) -> None:
    targets = [{"kind": "api-gateway-stage"}, {"kind": "api-gateway-v2-stage"}]
    config = Config.model_validate({"stage": "dev", "scan": {"targets": targets}})
    statements = synthesise(config).statements("WickieWorkPool-dev", "FlowTaskRole")
    allowed = [s["Resource"] for s in statements if "apigateway:GET" in s["Action"]]
    texts = [json.dumps(resource) for each in allowed for resource in each]
    assert len(texts) == 4
    assert {text.rpartition("::")[2].rstrip('"]}') for text in texts} == {
        "/restapis",
        "/restapis/*/stages",
        "/apis",
        "/apis/*/stages",
    }


def test_flows_may_assume_exactly_the_roles_of_the_accounts_that_are_scanned(
    synthesise: Synthesise,
) -> None:
    role = "arn:aws:iam::210987654321:role/wickie-scan"
    theirs = {"kind": "s3", "bucket": "theirs", "account": "210987654321"}
    config = Config.model_validate(
        {"stage": "dev", "scan": {"accounts": [{"role": role}], "targets": [theirs]}}
    )
    statements = synthesise(config).statements("WickieWorkPool-dev", "FlowTaskRole")
    (assume,) = (s for s in statements if "sts:AssumeRole" in _actions([s]))
    assert (assume["Action"], assume["Resource"]) == ("sts:AssumeRole", role)
    assert "theirs" not in str(statements)


def test_versions_of_objects_may_be_read_where_they_are_scanned_alone(
    synthesise: Synthesise,
) -> None:
    targets = [
        {"kind": "s3", "bucket": "plain"},
        {"kind": "s3", "bucket": "kept", "versions": True},
    ]
    config = Config.model_validate({"stage": "dev", "scan": {"targets": targets}})
    statements = synthesise(config).statements("WickieWorkPool-dev", "FlowTaskRole")
    (reads,) = (s for s in statements if _actions([s]) == {"s3:GetObjectVersion"})
    assert "kept/*" in str(reads["Resource"])
    assert "plain" not in str(reads["Resource"])


def test_flows_may_pull_exactly_the_images_they_are_to_scan(synthesise: Synthesise) -> None:
    digest = f"sha256:{'a' * 64}"
    registry = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"
    targets = [
        {"kind": "image", "image": f"{registry}/shop/web@{digest}"},
        {"kind": "image", "image": f"registry.example.com/other@{digest}"},
        {"kind": "ecr-findings", "repository": "shop/api", "digest": digest},
        {"kind": "inspector-findings"},
    ]
    database = {"directory": "/var/lib/trivy", "source": f"{registry}/trivy-db:2"}
    scanner = {"engine": "trivy", "database": database}
    section = {"targets": targets, "scanners": [scanner]}
    config = Config.model_validate({"stage": "dev", "vulnerabilities": section})
    statements = synthesise(config).statements("WickieWorkPool-dev", "FlowTaskRole")
    allowed = {a: str(s["Resource"]) for s in statements for a in _actions([s])}
    ours = {a: on for a, on in allowed.items() if a.startswith(("ecr:", "inspector2:"))}
    pulled = ("shop/web", "trivy-db")
    for action in registries.PULL_PERMISSIONS:
        on = ours.pop(action)
        assert all(f":ecr:eu-central-1:123456789012:repository/{name}'" in on for name in pulled)
        assert on.count("repository/") == len(pulled)
    (found,) = imported.ECR_PERMISSIONS
    assert ours.pop(found).endswith(":repository/shop/api']]}")
    unscoped = (*registries.SIGN_IN_PERMISSIONS, *imported.INSPECTOR_PERMISSIONS)
    assert ours == dict.fromkeys(unscoped, "*")


def test_flows_may_roll_back_exactly_what_is_named(synthesise: Synthesise) -> None:
    role = "arn:aws:iam::123456789012:role/shop-task"
    service = {"kind": "ecs-service", "cluster": "shop", "service": "web", "roles": [role]}
    alias = {"kind": "lambda-alias", "function": "invoices", "alias": "live"}
    section = {"rollback": [{"target": service}, {"target": alias}]}
    config = Config.model_validate({"stage": "dev", "vulnerabilities": section})
    statements = synthesise(config).statements("WickieWorkPool-dev", "FlowTaskRole")
    by_action = {action: s for s in statements for action in _actions([s])}
    for permissions, arn in (
        (("ecs:DescribeServices", "ecs:UpdateService"), ":service/shop/web"),
        (("ecs:DescribeTasks",), ":task/shop/*"),
        (LambdaRollback.PERMISSIONS, ":function:invoices"),
    ):
        for action in permissions:
            assert f"{arn}']]}}" in str(by_action.pop(action)["Resource"])
    listed, passed = by_action.pop("ecs:ListTasks"), by_action.pop("iam:PassRole")
    assert ":cluster/shop" in str(listed["Condition"]["ArnEquals"]["ecs:cluster"])
    assert passed["Resource"] == role
    assert passed["Condition"]["StringEquals"]["iam:PassedToService"] == "ecs-tasks.amazonaws.com"
    named = {a for a in by_action if a.startswith(("ecs:", "iam:")) or a == "lambda:UpdateAlias"}
    assert named == {"ecs:DescribeTaskDefinition", "ecs:ListTaskDefinitions"}
