"""Roles may do what the code declares, where it declares it, and nothing more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from local.policies.catalogue import resource_types
from tests.stacks.test_rotation import _resources as resources
from wickie import dispatch, fingerprints
from wickie.config import Config, Network
from wickie.errors import ConfigError
from wickie.prefect import PERMISSIONS as PREFECT
from wickie.providers.registry import find_engine
from wickie.rotation import leases, refresh, versions
from wickie.rotation.dependents.ecs_service import EcsService
from wickie.rotation.dependents.lambda_function import LambdaFunction
from wickie.scan.sources import SOURCES

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


def test_the_dispatch_function_may_take_messages_and_read_the_key_of_prefect(
    synthesise: Synthesise,
) -> None:
    prefect = {"api_url": "https://a.b", "backend": "self-hosted", "auth_string_secret": "p"}
    event = {"name": "leak", "pattern": {"source": ["wickie"]}, "deployment": "rotate"}
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
