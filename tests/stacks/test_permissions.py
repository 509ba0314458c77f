"""Roles may do what the code declares, where it declares it, and nothing more."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from local.policies.catalogue import resource_types
from local.policies.decision import Policies, Request, decide
from tests.stacks.test_rotation import _resources as resources
from wickie import deployment, dispatch, fingerprints
from wickie.config import Config, Network
from wickie.errors import ConfigError
from wickie.prefect import PERMISSIONS as PREFECT
from wickie.providers.registry import find_engine
from wickie.registration import containers
from wickie.report import bus, security_hub, store
from wickie.response import throttle
from wickie.response.lambda_rollback import LambdaRollback
from wickie.rotation import leases, refresh, replacement, versions
from wickie.rotation.dependents.ecs_service import EcsService
from wickie.rotation.dependents.lambda_function import LambdaFunction
from wickie.scan import cache, ledger
from wickie.scan.sources import SOURCES
from wickie.vulnerabilities import imported, registries

if TYPE_CHECKING:
    from tests.stacks.conftest import Assembly, Synthesise

pytestmark = pytest.mark.slow

ATTACH = {
    f"ec2:{action}"
    for action in (
        *("AssignPrivateIpAddresses", "UnassignPrivateIpAddresses"),
        *("CreateNetworkInterface", "DeleteNetworkInterface"),
        *("DescribeNetworkInterfaces", "DescribeSubnets"),
    )
}
LOGGING = {"logs:CreateLogStream", "logs:PutLogEvents"}


ON_ALL = {
    # AWS knows resources of these, and yet they are granted on `*`.
    "cloudformation:DescribeStacks": (
        "asked for every stack, it names none: https://docs.aws.amazon.com/AWSCloudFormation/"
        "latest/APIReference/API_DescribeStacks.html"
    ),
    **dict.fromkeys(
        (
            "ec2:AssignPrivateIpAddresses",
            "ec2:CreateNetworkInterface",
            "ec2:DeleteNetworkInterface",
            "ec2:UnassignPrivateIpAddresses",
        ),
        "Lambda checks that a function's role has them on *: https://docs.aws.amazon.com/lambda/"
        "latest/dg/configuration-vpc.html#configuration-vpc-permissions",
    ),
}


def _actions(statements: list[dict[str, Any]]) -> set[str]:
    actions = (s["Action"] for s in statements)
    return {a for found in actions for a in ([found] if isinstance(found, str) else found)}


@pytest.mark.parametrize("role", ["postgresalternatingusers", "postgressingleuser"])
def test_a_rotation_function_may_do_what_its_modules_declare(assembly: Assembly, role: str) -> None:
    allowed = _actions(assembly.statements("WickieRotation-dev", role))
    assert allowed == {
        *versions.PERMISSIONS,
        *fingerprints.PUBLISH_PERMISSIONS,
        *leases.PERMISSIONS,
        *LOGGING,
    }


_VPC = {
    "vpc_id": "vpc-12345678",
    "subnets": ["subnet-12345678"],
    "security_groups": ["sg-12345678"],
}


def _secret(engine: str, strategy: str, **options: str) -> Config:
    secret = {"name": "a", "engine": engine, "strategy": strategy, "options": options}
    within = _VPC if find_engine(engine).place == "vpc" else {}
    return Config.model_validate({"stage": "dev", "secrets": [secret], "network": within})


_ACCOUNT = "${Partition}:iam::${AccountId}"
_CACHE, _DATABASE, _MEMORY = (
    f"${{Partition}}:{name}:${{Region}}:${{AccountId}}"
    for name in ("elasticache", "rds", "memorydb")
)


@pytest.mark.parametrize(
    ("config", "arn"),
    [
        (_secret("iam-access-key", "dual-key", user="app"), f"arn:{_ACCOUNT}:user/app"),
        (_secret("ses-smtp", "dual-key", user="mail/out"), f"arn:{_ACCOUNT}:user/mail/out"),
        (
            _secret("elasticache", "dual-password", user="a"),
            f"arn:{_CACHE}:user:a",
        ),
        (
            _secret("memorydb", "dual-password", user="a"),
            f"arn:{_MEMORY}:user/a",
        ),
        (_secret("rds-master", "single-user", resource="db:a"), f"arn:{_DATABASE}:db:a"),
        (_secret("rds-master", "single-user", resource="cluster:a"), f"arn:{_DATABASE}:cluster:a"),
    ],
    ids=["iam-access-key", "ses-smtp", "elasticache", "memorydb", "rds-instance", "rds-cluster"],
)
def test_a_rotation_function_may_do_what_its_engine_declares_on_what_the_options_name(
    synthesise: Synthesise, config: Config, arn: str
) -> None:
    engine = find_engine(config.secrets[0].engine)
    role = f"{config.secrets[0].engine}{config.secrets[0].strategy}".replace("-", "")
    statements = synthesise(config).statements("WickieRotation-dev", role)
    on_arn = [s for s in statements if "Fn::Join" in s["Resource"] and resources(s) == [arn]]
    assert _actions(on_arn) == engine.permissions.keys()
    assert _actions([s for s in statements if s not in on_arn]) == {
        *versions.PERMISSIONS,
        *fingerprints.PUBLISH_PERMISSIONS,
        *LOGGING,
        *(ATTACH if config.network.holds_functions else ()),
    }


def test_a_function_that_makes_access_keys_may_set_no_other_tag_than_its_own(
    synthesise: Synthesise,
) -> None:
    config = _secret("iam-access-key", "dual-key", user="app")
    statements = synthesise(config).statements("WickieRotation-dev", "iamaccesskeydualkey")
    (tagging,) = (s for s in statements if "iam:TagUser" in _actions([s]))
    assert _actions([tagging]) == {"iam:TagUser"}
    assert tagging["Condition"] == {
        "ForAllValues:StringEquals": {"aws:TagKeys": ["wickie:issuing"]},
        "Null": {"aws:TagKeys": "false"},
    }


def test_an_option_that_names_more_than_one_resource_stops_synthesis(
    synthesise: Synthesise,
) -> None:
    for config in (
        _secret("iam-access-key", "dual-key", user="app*"),
        _secret("rds-master", "single-user", resource="db:?"),
    ):
        with pytest.raises(ConfigError, match="is more than one resource; name one"):
            synthesise(config)


def test_the_refresh_function_may_do_what_its_modules_declare(assembly: Assembly) -> None:
    allowed = _actions(assembly.statements("WickieRotation-dev", "RefreshRole"))
    dependents = (*EcsService.PERMISSIONS, *LambdaFunction.PERMISSIONS)
    assert allowed == {*refresh.PERMISSIONS, *dependents, *LOGGING}


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


def test_the_dispatch_function_may_take_messages_and_read_the_key_of_prefect(
    synthesise: Synthesise,
) -> None:
    prefect = {"api_url": "https://a.b", "backend": "self-hosted", "auth_string_secret": "p"}
    event = {"name": "leak", "pattern": {"source": ["wickie"]}, "deployment": "rotate/on-demand"}
    config = Config.model_validate({"stage": "dev", "prefect": prefect, "events": [event]})
    assembly = synthesise(config)
    statements = assembly.statements("WickieResponse-dev", "Dispatch")
    assert _actions(statements) == {*PREFECT, *dispatch.QUEUE_PERMISSIONS, *LOGGING}
    (key,) = (s for s in statements if _actions([s]) == {*PREFECT})
    assert str(key["Resource"]).endswith(":secret:p-??????']]}")
    rule = assembly.only("AWS::Events::Rule", "WickieResponse-dev")["Properties"]
    assert rule["EventPattern"] == {"source": ["wickie"]}
    (target,) = rule["Targets"]
    assert target["DeadLetterConfig"]
    template = target["InputTransformer"]["InputTemplate"]
    assert template == '{"name": "leak", "event": <aws.events.event.json>}'
    alarms = assembly.resources("AWS::CloudWatch::Alarm", "WickieObservability-dev").values()
    assert "wickie-dev-events-dlq" in str([a["Properties"].get("Dimensions") for a in alarms])


def test_no_action_is_a_wildcard_and_a_resource_only_where_aws_knows_none(
    synthesise: Synthesise, example: Config, dependents: Config, network: Network
) -> None:
    kinds = sorted({*SOURCES} - {"directory", "git", "prefect", "s3"})
    targets = [{"kind": kind} for kind in kinds]
    image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/wickie:1"
    everything = Config.model_validate(
        {
            "stage": "all",
            "image": image,
            "scan": {"targets": targets, "regions": ["eu-west-1"]},
            "vulnerabilities": {"targets": [{"kind": "inspector-findings"}]},
        }
    )
    inside = dependents.model_copy(update={"stage": "inside", "network": network})
    assembly = synthesise(example, everything, inside)
    statements = [s for stack in assembly.templates() for s in assembly.statements(stack, "")]
    assert len(statements) > 50
    assert not [action for action in _actions(statements) if "*" in action]
    on_all = _actions([s for s in statements if s["Effect"] == "Allow" and "*" in _all(s)])
    knows = {action for action in on_all if resource_types(action)}
    assert knows == ON_ALL.keys()


def _all(statement: dict[str, Any]) -> list[Any]:
    found = statement["Resource"]
    return found if isinstance(found, list) else [found]


def test_a_permission_nobody_gave_a_resource_to_stops_synthesis() -> None:
    from aws_cdk import App, Stack  # noqa: PLC0415
    from aws_cdk import aws_iam as iam  # noqa: PLC0415

    from stacks.constructs.grants import grant  # noqa: PLC0415

    role = iam.Role(
        Stack(App(), "Test"), "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com")
    )
    with pytest.raises(KeyError, match="sqs"):
        grant(role, ["sqs:SendMessage"], {"s3": ["arn:aws:s3:::bucket"]})


def test_the_permissions_of_every_kind_of_target_and_dependent_are_known() -> None:
    from stacks import permissions  # noqa: PLC0415  (starts Node)
    from wickie import config  # noqa: PLC0415

    def kinds(union: Any) -> set[str]:
        each = (m.model_fields["kind"].annotation.__args__ for m in union.__args__[0].__args__)
        return {kind for kinds in each for kind in kinds}

    assert permissions.SOURCES.keys() == kinds(config.Target)
    assert permissions.DEPENDENTS.keys() == kinds(config.Dependent)
