"""`wickie init` writes what an account shows, and as a question what it does not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from moto import mock_aws
from typer.testing import Result

from tests.rotation.dependents.account import Account
from wickie.config import load_config
from wickie.rotation import inventory

Wickie = Callable[..., Result]
READS = ("List", "Describe", "Get")


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """An account with a shop in it, and the calls that are made after that."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    made: list[str] = []
    with mock_aws():
        _furnish(Account())
        from botocore.client import BaseClient  # noqa: PLC0415

        def spy(self: Any, operation: str, parameters: Any) -> Any:
            made.append(operation)
            return original(self, operation, parameters)

        original = BaseClient._make_api_call
        monkeypatch.setattr(BaseClient, "_make_api_call", spy)
        yield made


def _furnish(account: Account) -> None:
    manager: Any = account.clients.secrets_manager
    rds: Any = account.clients.rds
    ec2 = boto3.client("ec2", "us-east-1")
    subnets = [s["SubnetId"] for s in ec2.describe_subnets()["Subnets"][:2]]
    rds.create_db_subnet_group(
        DBSubnetGroupName="shop", DBSubnetGroupDescription="shop", SubnetIds=subnets
    )
    group = ec2.create_security_group(GroupName="db", Description="db")["GroupId"]
    rds.create_db_instance(
        DBInstanceIdentifier="orders",
        DBInstanceClass="db.t4g.micro",
        Engine="postgres",
        DBSubnetGroupName="shop",
        VpcSecurityGroupIds=[group],
        MasterUsername="postgres",
        ManageMasterUserPassword=True,
        PubliclyAccessible=False,
    )

    def store(name: str, description: str = "", **tags: str) -> str:
        reply = manager.create_secret(
            Name=name,
            Description=description,
            SecretString="{}",
            Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
        )
        return str(reply["ARN"])

    database = store("shop/app", "password of the shop on orders")
    store("shop/reports", engine="mysql")
    store("shop/either", "mysql, once postgres")
    store("shop/mystery")
    store("shop/cache", "of ElastiCache user shopper")
    store("shop/key-iam-access-key")
    store("123")
    store("other/redis")
    account.service("web", secrets=[{"name": "DB", "valueFrom": database}])
    account.function("invoices", SECRET=database)
    account.clients.elasticache.create_user(
        UserId="shopper",
        UserName="shopper",
        Engine="redis",
        Passwords=["a" * 16],
        AccessString="on ~* +@all",
    )


def test_what_is_known_is_live_and_what_is_not_is_a_question(
    wickie: Wickie, folder: Path, calls: list[str]
) -> None:
    done = wickie("init", "--yes", "--take", "shop/*", "--take", "123", "--email", "a@example.com")
    assert done.exit_code == 0, done.output
    config = load_config(folder / "wickie.yaml")
    app, reports = config.secrets
    assert (app.name, app.engine, app.strategy) == ("shop/app", "postgres", "single-user")
    assert [d.kind for d in app.dependents] == ["ecs-service", "lambda"]
    assert (reports.name, reports.engine) == ("shop/reports", "mysql")
    assert config.alarms.email == ("a@example.com",)
    text = (folder / "wickie.yaml").read_text()
    for line in (
        "engine: postgres # RDS instance orders",
        "# shop/either: which engine honours it: postgres or mysql?",
        "# shop/mystery: which engine honours it? docs/rotators.md lists them",
        "# shop/cache: it is reached from within its VPC alone: fill in network first",
        "  #   options: {user: shopper}",
        "# shop/key-iam-access-key: which user of iam-access-key is it?",
        "# other/redis is left out: it was not asked for",
        "# RDS instance orders: without a public address.",
    ):
        assert line in text, text
    assert "is left out: rds manages it, and rotates it itself" in text
    assert "2 secrets rotate, 5 wait in comments" in done.stdout
    assert calls
    assert all(call.startswith(READS) for call in calls), calls
    assert not [call for call in calls if "Value" in call]


@pytest.mark.usefixtures("calls")
def test_a_questioned_entry_is_valid_once_it_is_no_comment_and_answered(
    wickie: Wickie, folder: Path
) -> None:
    wickie("init", "--yes", "--take", "shop/*")
    path = folder / "wickie.yaml"
    lines = path.read_text().splitlines()
    start = next(i for i, line in enumerate(lines) if "# shop/mystery:" in line) + 1
    answered = [line.replace("  # ", "  ", 1) for line in lines[start : start + 4]]
    answered[1:3] = ["    engine: oracle", "    strategy: single-user"]
    path.write_text("\n".join([*lines[:start], *answered, *lines[start + 4 :]]) + "\n")
    assert "shop/mystery" in [secret.name for secret in load_config(path).secrets]


@pytest.mark.usefixtures("calls")
def test_a_file_that_is_there_is_never_overwritten_without_force(
    wickie: Wickie, configured: Callable[[str], Path]
) -> None:
    path = configured("stage: mine\n")
    done = wickie("init", "--yes")
    assert done.exit_code == 1
    assert "wickie.yaml exists and is left as it is; add --force" in done.stderr
    assert path.read_text() == "stage: mine\n"
    assert wickie("init", "--yes", "--force", "--stage", "prod").exit_code == 0
    assert load_config(path).stage == "prod"


@pytest.mark.usefixtures("calls")
def test_a_stage_that_is_not_valid_is_never_written(wickie: Wickie, folder: Path) -> None:
    done = wickie("init", "--yes", "--stage", "Not Valid")
    assert (done.exit_code, (folder / "wickie.yaml").exists()) == (1, False)
    assert "stage: " in done.stderr


def test_without_a_terminal_it_says_how_to_do_without(wickie: Wickie) -> None:
    done = wickie("init")
    assert done.exit_code == 1
    assert "add --yes" in done.stderr


@pytest.mark.usefixtures("calls")
def test_an_account_without_a_secret_gets_a_file_too(wickie: Wickie, folder: Path) -> None:
    assert wickie("init", "--yes", "--take", "none/*").exit_code == 0
    assert yaml.safe_load((folder / "wickie.yaml").read_text())["secrets"] == []


@pytest.mark.usefixtures("calls")
def test_what_cannot_be_looked_at_is_told_and_the_file_is_written(
    wickie: Wickie, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(_: object) -> Any:
        raise inventory.Error("not allowed on RDS instances")

    monkeypatch.setitem(inventory._PLACES, "RDS instances", denied)  # type: ignore[arg-type]
    done = wickie("init", "--yes")
    assert done.exit_code == 0
    assert "wickie: warning: not looked at: RDS instances: not allowed" in done.stderr
    assert load_config(folder / "wickie.yaml").secret("shop/app") is None


@pytest.mark.usefixtures("calls")
def test_who_rotates_it_already_is_asked_about_and_its_schedule_is_kept(
    wickie: Wickie, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """moto does not list rotation rules, so ListSecrets's answer is made here."""
    rules = {"ScheduleExpression": "cron(0 3 ? * SUN *)"}
    function = "arn:aws:lambda:us-east-1:111122223333:function:"
    listed = [
        {"Name": name, "ARN": f"arn:aws:secretsmanager:us-east-1:111122223333:secret:{name}-abcdef"}
        | {"RotationEnabled": True, "RotationLambdaARN": function + rotates, "RotationRules": rules}
        for name, rotates in (
            ("old/mysql", "SecretsManagerRotation"),
            ("own/mysql", "wickie-dev-rotate-mysql-01234567"),
        )
    ]
    listed.append({"Name": "far/mysql", "ARN": "arn:x:secret:f", "PrimaryRegion": "eu-west-1"})

    def look(clients: Any) -> Any:
        clients.secrets_manager.get_paginator = lambda _: _Pages(listed)
        return inventory.take_inventory(clients)

    monkeypatch.setattr("wickie.cli.init.take_inventory", look)
    assert wickie("init", "--yes").exit_code == 0
    text = (folder / "wickie.yaml").read_text()
    assert "# old/mysql: SecretsManagerRotation rotates it now; is wickie to take over?" in text
    assert "# far/mysql is left out: it is a replica; rotate it in eu-west-1" in text
    (own,) = load_config(folder / "wickie.yaml").secrets
    assert (own.name, own.schedule) == ("own/mysql", rules["ScheduleExpression"])


class _Pages:
    def __init__(self, secrets: list[dict[str, Any]]) -> None:
        self._secrets = secrets

    def paginate(self) -> list[dict[str, Any]]:
        return [{"SecretList": self._secrets}]
