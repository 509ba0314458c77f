"""What wickie.yaml says of all stacks at once: tags, boundary, encryption; and what it costs."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from stacks.permissions import SEAL
from wickie.config import Config

if TYPE_CHECKING:
    from tests.stacks.conftest import Assembly, Synthesise

pytestmark = pytest.mark.slow

BOUNDARY = "arn:aws:iam::111122223333:policy/boundary"
GLOBAL = {"RoleName", "BucketName", "UserName", "PolicyName", "ManagedPolicyName"}


@pytest.fixture(scope="module")
def bound(synthesise: Synthesise, example: Config) -> Assembly:
    """The example with tags, a boundary and a key of the customer's."""
    options = {"tags": {"team": "shop"}, "permissions_boundary": BOUNDARY}
    given = Config.model_validate({"stage": "dev", "encryption": {"key": "customer"}, **options})
    return synthesise(
        example.model_copy(update={key: getattr(given, key) for key in (*options, "encryption")})
    )


def test_every_role_is_bounded(bound: Assembly) -> None:
    roles = bound.resources("AWS::IAM::Role").values()
    assert len(roles) >= 5
    assert {role["Properties"].get("PermissionsBoundary") for role in roles} == {BOUNDARY}


def test_whatever_takes_tags_has_them(bound: Assembly, assembly: Assembly) -> None:
    def tagged(found: Assembly) -> set[str]:
        return {
            resource["Type"]
            for template in found.templates().values()
            for resource in template["Resources"].values()
            if "shop" in json.dumps(resource.get("Properties", {}).get("Tags", ""))
            and "team" in json.dumps(resource["Properties"]["Tags"])
        }

    assert tagged(bound) >= {
        *("AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::KMS::Key", "AWS::Lambda::Function"),
        *("AWS::IAM::Role", "AWS::ECS::Cluster", "AWS::SQS::Queue", "AWS::SNS::Topic"),
    }
    assert not tagged(assembly)


def test_a_key_of_the_customer_s_encrypts_reports_and_tables(bound: Assembly) -> None:
    (key,) = (
        name
        for name, resource in bound.resources("AWS::KMS::Key").items()
        if "KeySpec" not in resource["Properties"]
    )
    arn = {"Fn::GetAtt": [key, "Arn"]}
    (rule,) = bound.only("AWS::S3::Bucket")["Properties"]["BucketEncryption"][
        "ServerSideEncryptionConfiguration"
    ]
    assert rule["ServerSideEncryptionByDefault"]["KMSMasterKeyID"] == arn
    assert rule["BucketKeyEnabled"] is True
    tables = bound.resources("AWS::DynamoDB::Table").values()
    assert {json.dumps(t["Properties"]["SSESpecification"]["KMSMasterKeyId"]) for t in tables} == {
        json.dumps(arn)
    }


def test_it_is_used_by_way_of_its_services_and_by_those_alone_who_read_them(
    bound: Assembly,
) -> None:
    users = {}
    for logical_id, policy in bound.resources("AWS::IAM::Policy").items():
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
            if statement["Action"] == list(SEAL):
                users[logical_id] = statement["Condition"]["StringLike"]["kms:ViaService"]
    assert set(map(tuple, users.values())) == {("dynamodb.*", "s3.*")}
    roles = ("FlowTaskRole", "postgresalternatingusers", "postgressingleuser")
    assert {next(role for role in roles if name.startswith(role)) for name in users} == {*roles}


def test_no_template_names_a_partition(assembly: Assembly, synthesise: Synthesise) -> None:
    dependents = Config.model_validate(
        {
            "stage": "dev",
            "secrets": [
                {
                    "name": "k",
                    "engine": "iam-access-key",
                    "strategy": "dual-key",
                    "options": {"user": "app"},
                },
                {"name": "r", "engine": "postgres", "strategy": "single-user", "discover": True},
            ],
        }
    )
    for found in (assembly, synthesise(dependents)):
        for name, template in found.templates().items():
            assert "arn:aws" not in json.dumps(template), name
            assert "amazonaws.com.cn" not in json.dumps(template), name


def test_two_regions_of_an_account_do_not_clash(assembly: Assembly) -> None:
    """All that is named is regional; what is unique in the world or the account has no name."""
    for template in assembly.templates().values():
        for resource in template["Resources"].values():
            named = GLOBAL & resource.get("Properties", {}).keys()
            assert not named or resource["Type"] == "AWS::IAM::Policy"  # within its role


def test_what_idling_costs_is_summed_from_what_is_deployed(
    assembly: Assembly, bound: Assembly, synthesise: Synthesise, example: Config
) -> None:
    from stacks.cost import idle_cost  # noqa: PLC0415

    plain = idle_cost(assembly.directory, example)
    assert "1 KMS key x $1.00  $1.00" in plain
    assert "5 alarm x $0.10  $0.50" in plain
    assert "2 secret x $0.40  $0.80 (yours, rotated or not)" in plain
    assert "endpoint" not in plain
    assert "3 custom metric x $0.30  $0.90" in plain
    assert "total  $6.20" in plain  # a dashboard of $3 with them
    assert "2 KMS key x $1.00  $2.00" in idle_cost(bound.directory, example)
    image = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/wickie@sha256:" + "0" * 64
    private = Config.model_validate(
        {"stage": "dev", "image": image, "network": {"mode": "private-endpoints"}}
    )
    found = idle_cost(synthesise(private).directory, private)
    zones = re.search(r"(\d+) interface endpoint in a zone x \$7.30  \$([\d.]+)", found)
    assert zones
    assert float(zones[2]) == pytest.approx(int(zones[1]) * 7.3)
    assert int(zones[1]) % 2 == 0
    assert all(line.startswith(("Stage", "  ")) for line in found.splitlines())


def test_a_new_fingerprint_key_is_made_beside_the_old_and_every_user_of_it_follows(
    assembly: Assembly, synthesise: Synthesise, example: Config
) -> None:
    encryption = Config.model_validate({"stage": "x", "encryption": {"fingerprint_key": 2}})
    after = synthesise(example.model_copy(update={"encryption": encryption.encryption}))
    (old,), (new,) = (found.resources("AWS::KMS::Key") for found in (assembly, after))
    assert old != new
    for stack in ("WickieRotation-dev", "WickieWorkPool-dev"):
        before, now = (json.dumps(found.template(stack)) for found in (assembly, after))
        assert old in before
        assert old not in now
        assert new in now
    assert assembly.only("AWS::KMS::Key")["DeletionPolicy"] == "Retain"
    outputs = assembly.template("WickieData-dev")["Outputs"].values()
    assert not [o for o in outputs if "Export" in o and old in json.dumps(o)]
