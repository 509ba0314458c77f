"""What people rely on of rotation: exactly the named secrets, by Secrets Manager alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from wickie.config import Config, ManagedSecret
from wickie.errors import ConfigError

if TYPE_CHECKING:
    from tests.stacks.conftest import Assembly, Synthesise
    from wickie.config import Network

pytestmark = pytest.mark.slow

STACK = "WickieRotation-dev"
FUNCTION = "AWS::Lambda::Function"
SCHEDULE = "AWS::SecretsManager::RotationSchedule"


def _text(arn: Any) -> str:
    """An ARN as people write it, with `${Partition}` and so on where CloudFormation fills in."""
    if isinstance(arn, str):
        return arn
    if "Ref" in arn:
        return f"${{{arn['Ref'].removeprefix('AWS::')}}}"
    return "".join(_text(part) for part in arn["Fn::Join"][1])


def _resources(statement: dict[str, Any]) -> list[str]:
    found = statement["Resource"]
    return [_text(arn) for arn in (found if isinstance(found, list) else [found])]


def _readable(assembly: Assembly, role: str) -> set[str]:
    return {
        arn
        for statement in assembly.statements(STACK, role)
        if "secretsmanager:GetSecretValue" in statement["Action"]
        for arn in _resources(statement)
    }


def _secret(name: str) -> str:
    return f"arn:${{Partition}}:secretsmanager:${{Region}}:${{AccountId}}:secret:{name}-??????"


def test_a_function_reads_its_own_secrets_and_its_administrator_s(assembly: Assembly) -> None:
    assert _readable(assembly, "postgresalternatingusers") == {
        _secret("shop/database"),
        _secret("shop/database-admin"),
    }
    assert _readable(assembly, "postgressingleuser") == {_secret("shop/reports")}


def test_a_function_changes_its_own_secrets_and_never_its_administrator_s(
    assembly: Assembly,
) -> None:
    changed = {
        arn
        for statement in assembly.statements(STACK, "postgresalternatingusers")
        if "secretsmanager:PutSecretValue" in statement["Action"]
        for arn in _resources(statement)
    }
    assert changed == {_secret("shop/database")}


def test_an_arn_is_granted_as_it_is(synthesise: Synthesise) -> None:
    arn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:other/db-AbCdEf"
    config = Config(
        stage="dev", secrets=(ManagedSecret(name=arn, engine="postgres", strategy="single-user"),)
    )
    assert _readable(synthesise(config), "postgressingleuser") == {arn}


def test_secrets_manager_alone_invokes_a_function_and_only_for_this_account(
    assembly: Assembly,
) -> None:
    permissions = [
        permission
        for permission in assembly.resources("AWS::Lambda::Permission", STACK).values()
        if permission["Properties"]["Principal"] != "events.amazonaws.com"
    ]
    assert len(permissions) == 2, "one for each rotation function"
    for permission in permissions:
        assert permission["Properties"]["Principal"] == "secretsmanager.amazonaws.com"
        assert permission["Properties"]["Action"] == "lambda:InvokeFunction"
        assert permission["Properties"]["SourceAccount"] == {"Ref": "AWS::AccountId"}


def test_a_schedule_waits_until_its_function_may_be_invoked_and_may_act(
    assembly: Assembly,
) -> None:
    permissions = assembly.resources("AWS::Lambda::Permission")
    for schedule in assembly.resources(SCHEDULE).values():
        function = schedule["Properties"]["RotationLambdaARN"]["Fn::GetAtt"][0]
        (permission,) = (
            name
            for name, found in permissions.items()
            if found["Properties"]["FunctionName"]["Fn::GetAtt"][0] == function
        )
        assert permission in schedule["DependsOn"]
        assert any("DefaultPolicy" in name for name in schedule["DependsOn"])


def test_the_schedule_says_what_wickie_yaml_says(assembly: Assembly) -> None:
    schedules = {
        s["Properties"]["SecretId"]: s["Properties"] for s in assembly.resources(SCHEDULE).values()
    }
    assert schedules["shop/database"]["RotationRules"] == {
        "ScheduleExpression": "rate(30 days)",
        "Duration": "2h",
    }
    assert schedules["shop/database"]["RotateImmediatelyOnUpdate"] is False
    assert schedules["shop/reports"]["RotationRules"] == {"ScheduleExpression": "rate(7 days)"}


def test_rotate_on_deploy_reaches_secrets_manager(synthesise: Synthesise) -> None:
    secret = ManagedSecret(
        name="a", engine="postgres", strategy="single-user", rotate_on_deploy=True
    )
    schedule = synthesise(Config(stage="dev", secrets=(secret,))).only(SCHEDULE)
    assert schedule["Properties"]["RotateImmediatelyOnUpdate"] is True


def test_a_function_knows_its_strategy_and_where_fingerprints_go(assembly: Assembly) -> None:
    functions = [f["Properties"] for f in assembly.resources(FUNCTION, STACK).values()]
    alternating, single = (
        next(f for f in functions if strategy in json.dumps(f.get("Environment")))
        for strategy in ("alternating-users", "single-user")
    )
    variables = alternating["Environment"]["Variables"]
    assert variables["WICKIE_STRATEGY"] == "alternating-users"
    assert variables["WICKIE_MASTER"] == "shop/database-admin"
    assert {"WICKIE_FINGERPRINT_TABLE", "WICKIE_FINGERPRINT_KEY"} <= variables.keys()
    assert "WICKIE_MASTER" not in single["Environment"]["Variables"]
    assert single["FunctionName"].startswith("wickie-dev-rotate-postgres-")
    assert alternating["Runtime"] == "python3.14"
    assert (alternating["Timeout"], alternating["MemorySize"]) == (60, 256)


def test_a_function_is_told_what_wickie_yaml_says_of_passwords_and_no_more(
    assembly: Assembly,
) -> None:
    functions = assembly.resources(FUNCTION, STACK).values()
    told = [
        json.loads(variables["WICKIE_PASSWORDS"])
        for f in functions
        if "WICKIE_PASSWORDS" in (variables := _variables(f))
    ]
    assert told == [{"length": 40, "symbols": "-_", "consumers": ["url", "dotenv"]}]


def _variables(function: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = function["Properties"].get("Environment", {}).get("Variables", {})
    return found


def test_a_function_s_log_expires_and_is_the_only_one_it_may_write(assembly: Assembly) -> None:
    groups = assembly.resources("AWS::Logs::LogGroup", STACK)
    assert all(group["Properties"]["RetentionInDays"] == 90 for group in groups.values())
    for role in ("postgresalternatingusers", "postgressingleuser"):
        (statement,) = (
            s for s in assembly.statements(STACK, role) if "logs:PutLogEvents" in s["Action"]
        )
        assert statement["Resource"]["Fn::GetAtt"][0] in groups


def test_secrets_of_two_administrators_have_two_functions(synthesise: Synthesise) -> None:
    secrets = tuple(
        ManagedSecret(
            name=name, engine="postgres", strategy="alternating-users", master=f"{name}-admin"
        )
        for name in ("east", "west")
    )
    functions = synthesise(Config(stage="dev", secrets=secrets)).resources(FUNCTION, STACK).values()
    assert {f["Properties"]["Environment"]["Variables"]["WICKIE_MASTER"] for f in functions} == {
        "east-admin",
        "west-admin",
    }
    names = {f["Properties"]["FunctionName"] for f in functions}
    assert len(names) == 2
    assert all(len(name) <= 64 for name in names)


def test_a_secret_that_changes_its_strategy_keeps_its_schedule(synthesise: Synthesise) -> None:
    ids = {
        logical_id
        for strategy in ("single-user", "alternating-users")
        for logical_id in synthesise(
            Config(
                stage="dev",
                secrets=(
                    ManagedSecret.model_validate(
                        {"name": "a/b", "engine": "postgres", "strategy": strategy}
                    ),
                ),
            )
        ).resources(SCHEDULE)
    }
    assert len(ids) == 1


def test_secrets_whose_names_differ_by_a_slash_are_told_apart(synthesise: Synthesise) -> None:
    secrets = tuple(
        ManagedSecret(name=n, engine="postgres", strategy="single-user")
        for n in ("shop/db", "shop-db")
    )
    assert len(synthesise(Config(stage="dev", secrets=secrets)).resources(SCHEDULE)) == 2


def test_functions_join_the_network_of_wickie_yaml(
    synthesise: Synthesise, network: Network
) -> None:
    secrets = (ManagedSecret(name="a", engine="postgres", strategy="single-user"),)
    assembly = synthesise(Config(stage="dev", secrets=secrets, network=network))
    assert assembly.only(FUNCTION, STACK)["Properties"]["VpcConfig"] == {
        "SubnetIds": list(network.subnets),
        "SecurityGroupIds": list(network.security_groups),
    }
    assert "ec2:CreateNetworkInterface" in json.dumps(
        assembly.statements(STACK, "postgressingleuser")
    )


def test_a_rotation_on_schedule_refreshes_the_dependents_that_wickie_yaml_names(
    assembly: Assembly,
) -> None:
    rule = assembly.only("AWS::Events::Rule", STACK)["Properties"]
    assert rule["EventPattern"]["detail"] == {"eventName": ["RotationSucceeded"]}
    function = assembly.resources(FUNCTION, STACK)[rule["Targets"][0]["Arn"]["Fn::GetAtt"][0]]
    assert "Environment" not in function["Properties"], "there is room for 4 kB, which they outgrow"
    (file,) = assembly.directory.glob("asset.*/dependents.json")
    assert file.parent.name.removeprefix("asset.") in json.dumps(function["Properties"]["Code"])
    declared = json.loads(file.read_text())
    assert {"kind": "ecs-service", "cluster": "shop", "service": "checkout"} in [
        dependent for dependents in declared.values() for dependent in dependents
    ]


def test_what_does_not_fit_into_a_functions_environment_is_refused_before_aws_refuses_it(
    synthesise: Synthesise, dependents: Config
) -> None:
    (secret,) = dependents.secrets
    block = next(d for d in secret.dependents if d.kind == "prefect-block")
    blocks = tuple(block.model_copy(update={"block": f"secret/shop-{n}"}) for n in range(40))
    crowded = secret.model_copy(update={"dependents": blocks})
    with pytest.raises(ConfigError, match=r"takes 4 kB of settings.* shorten options, passwords"):
        synthesise(dependents.model_copy(update={"secrets": (crowded,)}))


def test_the_function_that_refreshes_dependents_reads_no_secret(assembly: Assembly) -> None:
    statements = assembly.statements(STACK, "Refresh")
    assert statements
    assert not any("GetSecretValue" in json.dumps(statement) for statement in statements)
