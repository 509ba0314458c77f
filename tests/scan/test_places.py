"""Each target of AWS is read in every account and region; an account that is closed is named."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import boto3
import pytest
from moto import mock_aws

from tests.scan.paper import drawn, managed, read
from tests.scan.plants import PLANTS, Setting
from tests.scan.test_sources import a_function
from wickie.aws import Clients
from wickie.config import Scan
from wickie.elsewhere import elsewhere
from wickie.errors import ConfigError
from wickie.model import Gap
from wickie.scan import engine
from wickie.scan.places import Opening, openings

ROLE = "arn:aws:iam::210987654321:role/wickie-scan"
FUNCTIONS = {"kind": "lambda-environment", "prefix": "shop-"}


@pytest.fixture
def aws():
    with mock_aws():
        yield


def scan(*targets: dict[str, str], **more: object) -> Scan:
    return Scan.model_validate({"targets": targets, **more})


def named(scope: Scan) -> list[str]:
    return [each.name for each in openings(scope, Clients()) if isinstance(each, Opening)]


@pytest.mark.usefixtures("aws")
def test_a_target_of_aws_is_read_in_each_place_and_any_other_once(tmp_path):
    scope = scan(
        FUNCTIONS,
        {"kind": "directory", "path": str(tmp_path)},
        {"kind": "s3", "bucket": "logs"},
        {"kind": "s3", "bucket": "theirs", "prefix": "app/", "account": "210987654321"},
        regions=["eu-west-1", "us-east-1"],
        accounts=[{"role": ROLE, "regions": ["eu-north-1"]}],
    )
    assert named(scope) == [
        "lambda-environment shop- in eu-west-1",
        "lambda-environment shop- in us-east-1",
        "lambda-environment shop- in 210987654321 eu-north-1",
        f"directory {tmp_path}",
        "s3 logs",
        "s3 theirs app/ in 210987654321 eu-north-1",
    ]


@pytest.mark.usefixtures("aws")
def test_without_places_a_target_is_read_where_wickie_runs():
    assert named(scan(FUNCTIONS)) == ["lambda-environment shop-"]


@pytest.mark.usefixtures("aws")
def test_what_leaks_in_another_region_is_found_there():
    value = drawn()
    a_function("shop-orders", DB_PASSWORD=value)
    here = boto3.Session().region_name
    scope = scan(FUNCTIONS, regions=["sa-east-1", here])
    results = {
        each.name: engine.scan([each.open()], [managed(value)], run_id="r").findings
        for each in openings(scope, Clients())
        if isinstance(each, Opening)
    }
    assert [len(found) for found in results.values()] == [0, 1]
    (finding,) = results[f"lambda-environment shop- in {here}"]
    assert f":{here}:123456789012:function:shop-orders" in finding.location.uri


@pytest.mark.usefixtures("aws")
def test_what_leaks_in_another_account_is_found_there_by_its_role():
    value = drawn()
    account = elsewhere(Clients(), "eu-west-1", ROLE, "wickie-1")
    account.s3.create_bucket(
        Bucket="theirs", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    account.s3.put_object(Bucket="theirs", Key="app.log", Body=f"pw={value}".encode())
    account.ecs.register_task_definition(
        family="shop",
        containerDefinitions=[{"name": "app", "image": "i", "memory": 1, "command": [value]}],
    )
    scope = scan(
        {"kind": "ecs-task-definition"},
        {"kind": "s3", "bucket": "theirs", "account": "210987654321"},
        accounts=[{"role": ROLE, "regions": ["eu-west-1"], "external_id": "wickie-1"}],
    )
    opened = [each.open() for each in openings(scope, Clients()) if isinstance(each, Opening)]
    found = engine.scan(opened, [managed(value)], run_id="r").findings
    assert [f.location.uri for f in found] == [
        "arn:aws:ecs:eu-west-1:210987654321:task-definition/shop:1#app/command",
        "s3://theirs/app.log",
    ]


@pytest.mark.usefixtures("aws")
def test_the_same_name_in_two_accounts_is_two_places():
    value, there = drawn(), elsewhere(Clients(), "eu-west-1", ROLE)
    for clients in (Clients(), there):
        PLANTS["glue-job"](clients.service, "shop", Setting("DB_PASSWORD", value))
        PLANTS["ec2-launch-template"](clients.service, "shop", Setting("DB_PASSWORD", value))
    scope = scan(
        {"kind": "glue-job"},
        {"kind": "ec2-launch-template"},
        accounts=[{"role": ROLE, "regions": ["eu-west-1"]}],
    )
    opened = [each.open() for each in openings(scope, Clients()) if isinstance(each, Opening)]
    found = engine.scan(opened, [managed(value)], run_id="r").findings
    accounts = [finding.location.uri.split(":")[4] for finding in found]
    assert accounts == ["123456789012", "210987654321"] * 2


def test_credentials_of_a_role_are_fetched_when_needed_and_anew_before_they_end(monkeypatch):
    home, asked = Clients(), []

    def assume_role(**call):
        asked.append(call)
        left = timedelta(minutes=5 if len(asked) == 1 else 55)
        return {
            "Credentials": {
                "AccessKeyId": f"id-{len(asked)}", "SecretAccessKey": drawn(),
                "SessionToken": "t", "Expiration": datetime.now(UTC) + left,
            }
        }  # fmt: skip

    monkeypatch.setattr(home.service("sts"), "assume_role", assume_role)
    account = elsewhere(home, "eu-west-1", ROLE, "wickie-1")
    assert asked == []
    ids = [account.s3._request_signer._credentials.get_frozen_credentials() for _ in range(4)]
    assert [each.access_key for each in ids][1:] == ["id-2"] * 3
    assert asked[0] == {
        "RoleArn": ROLE, "RoleSessionName": "wickie-scan", "ExternalId": "wickie-1"
    }  # fmt: skip
    assert home.region == Clients().region


def test_an_account_that_cannot_be_assumed_is_one_gap_and_the_rest_is_read(monkeypatch, tmp_path):
    home = Clients()

    def refuse(**_):
        raise home.service("sts").exceptions.ClientError(
            {"Error": {"Code": "AccessDenied", "Message": "not authorized"}}, "AssumeRole"
        )

    monkeypatch.setattr(home.service("sts"), "assume_role", refuse)
    scope = scan(
        FUNCTIONS,
        {"kind": "directory", "path": str(tmp_path)},
        accounts=[{"role": ROLE, "regions": ["eu-west-1", "eu-north-1"]}],
    )
    gap, *rest = openings(scope, home)
    assert isinstance(gap, Gap)
    assert ROLE in gap.uri
    assert "AccessDenied: not authorized; let the flows' role assume it" in gap.reason
    assert [each.name for each in rest] == ["lambda-environment shop-", f"directory {tmp_path}"]


@pytest.mark.usefixtures("aws")
def test_a_place_that_cannot_be_read_is_named_in_the_gap():
    scope = scan({"kind": "ecs-task-definition"}, regions=["eu-west-1"])
    (opening,) = openings(scope, Clients())
    assert opening.open().uri == "ecs-task-definition:* in eu-west-1"
    assert read(opening.open()) == []


def test_an_account_of_a_bucket_has_to_be_declared():
    with pytest.raises(ValueError, match=r"not under scan\.accounts"):
        scan({"kind": "s3", "bucket": "logs", "account": "210987654321"})
    with pytest.raises(ConfigError, match="no source 'floppy'"):
        Opening("n", "floppy", {}, Clients()).open()
