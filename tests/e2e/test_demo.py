"""The whole loop, as `make demo` plays it: nothing is asserted that the demo only claims."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from rich.console import Console

from local import access
from local.demo.stage import ROOT, Stage
from local.demo.story import STACKS, Story
from local.policies.deployed import Account
from local.processes import Processes
from tests.e2e import grants, secrecy
from wickie.deployment import Deployment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from local.world import World

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Story, list[str]]]:
    """The demo, played to its end and still running."""
    story = Story(Console(file=io.StringIO()))
    with Stage(tmp_path_factory.mktemp("demo")) as stage:
        yield story, story.play(stage)


@pytest.fixture(scope="module")
def summary(told: tuple[Story, list[str]]) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(told[0].stage.folder.joinpath("summary.json").read_text())
    return document


def test_no_promise_of_the_demo_is_broken(told: tuple[Story, list[str]]) -> None:
    assert told[1] == []


def test_the_leak_is_found_in_each_place_where_it_was_left(summary: dict[str, Any]) -> None:
    found = {(leak["source"], leak["secret"], leak["stage"]) for leak in summary["leaks"]}
    places = ("s3", "git", "ecs-task-definition")
    assert found == {(place, "shop/db", "CURRENT") for place in places}
    assert summary["scan"]["state"] == "COMPLETED"
    assert summary["scan"]["bytes"] > 100_000


def test_postgresql_honours_the_new_credential_and_the_old_one_no_more(
    summary: dict[str, Any],
) -> None:
    assert (summary["old_credential"], summary["new_credential"]) == ("DEAD", "LIVE")
    assert summary["rotation"]["from_version"] != summary["rotation"]["to_version"]
    assert summary["leak_to_dead_seconds"] <= 15


def test_the_service_came_back_and_was_never_refused(summary: dict[str, Any]) -> None:
    assert [d["state"] for d in summary["dependents"]] == ["REFRESHED"]
    assert summary["logins"]["attempted"] > 100
    assert summary["logins"]["refused"] == 0


def test_no_plaintext_is_left_anywhere_and_the_search_would_have_seen_it(
    told: tuple[Story, list[str]], summary: dict[str, Any]
) -> None:
    story = told[0]
    assert summary["plaintext_found_in"] == []
    password = story.shop.value(str(story.shop.version()))["password"]
    canary = story.stage.scratch / "canary"
    canary.write_text(f"password={password}\n")
    try:
        assert story.search() == [str(canary)]
    finally:
        canary.unlink()


def test_aws_would_have_refused_nothing_that_was_called(told: tuple[Story, list[str]]) -> None:
    world = told[0].stage.world
    assert len(access.recorded(world.endpoint)) > 50
    assert access.refused(world.endpoint, Account(world.client)) == []


def test_nothing_is_granted_that_is_never_used_but_for_a_reason(
    told: tuple[Story, list[str]],
) -> None:
    world = told[0].stage.world
    account = Account(world.client)
    roles = [role for role in account.roles() if "/Wickie" in role]
    assert len(roles) == 5
    unused = account.unused(access.recorded(world.endpoint), roles)
    assert grants.unexplained(unused) == []


def test_a_grant_that_is_missing_is_a_call_refused(told: tuple[Story, list[str]]) -> None:
    world = told[0].stage.world
    iam = world.client("iam")
    role = _role(world, "FlowTaskRole")
    (name,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
    whole = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
    statements = [s for s in whole["Statement"] if "secretsmanager:RotateSecret" not in s["Action"]]
    assert len(statements) == len(whole["Statement"]) - 1
    for document in ({**whole, "Statement": statements}, whole):
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))
        refused = access.refused(world.endpoint, Account(world.client))
        assert any("secretsmanager:RotateSecret" in r for r in refused) is (document is not whole)


def test_who_scans_can_read_no_secrets_value_by_any_way(told: tuple[Story, list[str]]) -> None:
    client = told[0].stage.world.client
    secrets = [s["ARN"] for s in client("secretsmanager").list_secrets()["SecretList"]]
    keys = [key["KeyArn"] for key in client("kms").list_keys()["Keys"]]
    role = _role(told[0].stage.world, "FlowTaskRole")
    arn = client("iam").get_role(RoleName=role)["Role"]["Arn"]
    assert secrecy.readable(Account(client), arn, secrets, keys) == []
    leaks = {
        "secretsmanager:Get*": f"secretsmanager:GetSecretValue on {secrets[0]}",
        "kms:Decrypt": f"kms:Decrypt on {keys[0]}",
    }
    for action, way in leaks.items():
        leak = {"Effect": "Allow", "Action": action, "Resource": [secrets[0], keys[0]]}
        document = json.dumps({"Version": "2012-10-17", "Statement": [leak]})
        client("iam").put_role_policy(RoleName=role, PolicyName="x", PolicyDocument=document)
        open_now = secrecy.readable(Account(client), arn, secrets, keys)
        client("iam").delete_role_policy(RoleName=role, PolicyName="x")
        assert {*open_now} == {way}


def _role(world: World, part: str) -> str:
    (arn,) = (role for role in Account(world.client).roles() if part in role)
    return arn.rpartition("/")[2]


def test_what_was_deployed_is_what_the_templates_say_and_can_be_taken_away(
    told: tuple[Story, list[str]],
) -> None:
    stage = told[0].stage
    stage.cdk("diff", "--all", "--fail", log="cdk-diff.log")
    bucket = Deployment.load(stage.world.client("ssm"), "demo").results_bucket
    _empty(stage, bucket)
    stage.cdk("destroy", "--all", "--force", log="cdk-destroy.log")
    cloudformation = stage.world.client("cloudformation")
    left = [stack["StackName"] for stack in cloudformation.describe_stacks()["Stacks"]]
    assert left == ["CDKToolkit"]
    assert not set(STACKS) & set(left)
    assert stage.world.client("dynamodb").list_tables()["TableNames"] == []
    assert stage.world.client("lambda").list_functions()["Functions"] == []


def _empty(stage: Stage, bucket: str) -> None:
    client = stage.world.client("s3")
    for page in client.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for item in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
            client.delete_object(Bucket=bucket, Key=item["Key"], VersionId=item["VersionId"])


@pytest.mark.parametrize("after", ["the shop is open", "cdk bootstrap"])
def test_ctrl_c_leaves_no_process_behind(after: str, tmp_path: Path) -> None:
    demo = subprocess.Popen(
        [sys.executable, "-m", "local.demo", "--folder", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert demo.stdout is not None
    for line in demo.stdout:
        if after in line:
            break
    mine = {p.environ().get(Processes.MARK) for p in psutil.Process(demo.pid).children()}
    demo.send_signal(signal.SIGINT)
    assert demo.wait(120) == 130
    deadline = time.monotonic() + 60
    while (left := _marked(mine)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert left == []


def _marked(marks: set[str | None]) -> list[str]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(Processes.MARK, "") in marks:
                found.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    return found
