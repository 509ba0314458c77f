"""What people rely on of the stack that keeps things."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from wickie.config import Config
from wickie.report.columns import columns
from wickie.report.lines import KINDS

if TYPE_CHECKING:
    from tests.stacks.conftest import Assembly, Synthesise

pytestmark = pytest.mark.slow


def test_the_results_bucket_is_encrypted_versioned_and_private(assembly: Assembly) -> None:
    bucket = assembly.only("AWS::S3::Bucket")["Properties"]
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(bucket["PublicAccessBlockConfiguration"]) == 4


def test_the_results_bucket_refuses_everyone_without_tls(assembly: Assembly) -> None:
    (statement,) = assembly.only("AWS::S3::BucketPolicy")["Properties"]["PolicyDocument"][
        "Statement"
    ]
    assert statement["Effect"] == "Deny"
    assert statement["Action"] == "s3:*"
    assert statement["Principal"] == {"AWS": "*"}
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert len(statement["Resource"]) == 2


def test_reports_are_kept_for_a_year_and_nothing_piles_up(assembly: Assembly) -> None:
    (rule,) = assembly.only("AWS::S3::Bucket")["Properties"]["LifecycleConfiguration"]["Rules"]
    assert rule == {
        "Status": "Enabled",
        "ExpirationInDays": 365,
        "NoncurrentVersionExpiration": {"NoncurrentDays": 30},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
    }


@pytest.mark.parametrize(
    ("table", "keys"),
    [
        ("Fingerprints", [("secret", "HASH"), ("version", "RANGE")]),
        ("Findings", [("id", "HASH")]),
    ],
)
def test_the_tables_forget_and_can_be_restored(
    assembly: Assembly, table: str, keys: list[tuple[str, str]]
) -> None:
    tables = assembly.resources("AWS::DynamoDB::Table")
    (found,) = (t["Properties"] for name, t in tables.items() if name.startswith(table))
    assert [(k["AttributeName"], k["KeyType"]) for k in found["KeySchema"]] == keys
    assert {a["AttributeType"] for a in found["AttributeDefinitions"]} == {"S"}
    assert found["TimeToLiveSpecification"] == {"AttributeName": "expires", "Enabled": True}
    assert found["BillingMode"] == "PAY_PER_REQUEST"
    assert found["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert found["SSESpecification"]["SSEEnabled"] is True


def test_athena_finds_every_kind_of_lines_by_day_without_a_crawler(assembly: Assembly) -> None:
    database = assembly.only("AWS::Glue::Database")["Properties"]["DatabaseInput"]
    assert database["Name"] == "wickie_dev"
    tables = {
        t["Properties"]["TableInput"]["Name"]: t["Properties"]["TableInput"]
        for t in assembly.resources("AWS::Glue::Table").values()
    }
    assert tables.keys() == KINDS.keys()
    for kind, table in tables.items():
        described = table["StorageDescriptor"]
        assert {c["Name"]: c["Type"] for c in described["Columns"]} == columns(kind)
        assert described["SerdeInfo"]["SerializationLibrary"].endswith("JsonSerDe")
        assert described["Location"]["Fn::Join"][1][-1] == f"/kind={kind}/"
        assert table["PartitionKeys"] == [{"Name": "dt", "Type": "string"}]
        assert table["Parameters"]["projection.enabled"] == "true"
        template = table["Parameters"]["storage.location.template"]["Fn::Join"][1][-1]
        assert template == f"/kind={kind}/dt=${{dt}}/"


def test_the_fingerprint_key_makes_macs_and_leaves_access_to_iam(assembly: Assembly) -> None:
    key = assembly.only("AWS::KMS::Key")["Properties"]
    assert (key["KeySpec"], key["KeyUsage"]) == ("HMAC_256", "GENERATE_VERIFY_MAC")
    (statement,) = key["KeyPolicy"]["Statement"]
    assert statement["Principal"]["AWS"]["Fn::Join"][1][-1] == ":root"


def test_what_was_learnt_outlives_the_stack(assembly: Assembly) -> None:
    assert _kept(assembly) == {"AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::KMS::Key"}


def test_a_stage_that_retains_nothing_leaves_nothing(synthesise: Synthesise) -> None:
    assert _kept(synthesise(Config(stage="demo", retain=False))) == set()


def _kept(assembly: Assembly) -> set[str]:
    return {
        resource["Type"]
        for template in assembly.templates().values()
        for resource in template["Resources"].values()
        if resource.get("DeletionPolicy") not in (None, "Delete")
    }
