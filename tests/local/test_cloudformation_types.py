"""What keeps data, secrets and rights arrives whole, follows an update, and goes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.local.stacks import (
    ALLOW,
    OTHER_TRUST,
    POLICY,
    ROLE,
    TAGS,
    TRUST,
    Stacks,
    deploy,
    template,
)

if TYPE_CHECKING:
    pass

pytestmark = pytest.mark.slow


def test_bucket(stacks: Stacks) -> None:
    properties = {
        "VersioningConfiguration": {"Status": "Enabled"},
        "PublicAccessBlockConfiguration": {"BlockPublicAcls": True, "BlockPublicPolicy": "true"},
        "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
        "BucketEncryption": {
            "ServerSideEncryptionConfiguration": [
                {
                    "ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"},
                    "BucketKeyEnabled": True,
                }
            ]
        },
        "LifecycleConfiguration": {
            "Rules": [
                {
                    "Id": "age",
                    "Status": "Enabled",
                    "Prefix": "kind=scan/",
                    "ExpirationInDays": 400,
                    "NoncurrentVersionExpiration": {"NoncurrentDays": 30},
                    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
                    "Transitions": [{"StorageClass": "GLACIER", "TransitionInDays": 90}],
                }
            ]
        },
        "LoggingConfiguration": {"DestinationBucketName": {"Ref": "Logs"}, "LogFilePrefix": "l/"},
        "Tags": TAGS,
    }
    policy = ("AWS::S3::BucketPolicy", {"Bucket": {"Ref": "B"}, "PolicyDocument": POLICY})
    logs: Any = ("AWS::S3::Bucket", {})
    deploy(stacks, B=("AWS::S3::Bucket", properties), Policy=policy, Logs=logs)
    s3, bucket = stacks.client("s3"), {"Bucket": stacks.physical_id("s", "B")}
    assert s3.get_bucket_versioning(**bucket)["Status"] == "Enabled"
    block = s3.get_public_access_block(**bucket)["PublicAccessBlockConfiguration"]
    assert block["BlockPublicAcls"]
    assert block["BlockPublicPolicy"]
    owner = s3.get_bucket_ownership_controls(**bucket)["OwnershipControls"]["Rules"][0]
    assert owner["ObjectOwnership"] == "BucketOwnerEnforced"
    encryption = s3.get_bucket_encryption(**bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert encryption[0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    (rule,) = s3.get_bucket_lifecycle_configuration(**bucket)["Rules"]
    assert (rule["Expiration"]["Days"], rule["Filter"]["Prefix"]) == (400, "kind=scan/")
    assert rule["NoncurrentVersionExpiration"]["NoncurrentDays"] == 30
    assert rule["Transitions"][0] == {"Days": 90, "StorageClass": "GLACIER"}
    logging = s3.get_bucket_logging(**bucket)["LoggingEnabled"]
    assert logging["TargetBucket"] == stacks.physical_id("s", "Logs")
    assert s3.get_bucket_tagging(**bucket)["TagSet"] == TAGS
    assert json.loads(s3.get_bucket_policy(**bucket)["Policy"]) == POLICY

    deploy(stacks, B=("AWS::S3::Bucket", {}), Logs=logs)
    assert stacks.physical_id("s", "B") == bucket["Bucket"]
    assert s3.get_bucket_versioning(**bucket)["Status"] == "Suspended"
    assert "LoggingEnabled" not in s3.get_bucket_logging(**bucket)
    for ask in (s3.get_bucket_policy, s3.get_bucket_lifecycle_configuration, s3.get_bucket_tagging):
        with pytest.raises(ClientError):
            ask(**bucket)
    logs_bucket = stacks.physical_id("s", "Logs")
    for item in s3.list_objects_v2(Bucket=logs_bucket).get("Contents", []):  # of our own requests
        s3.delete_object(Bucket=logs_bucket, Key=item["Key"])
    assert stacks.delete("s") == "DELETE_COMPLETE"
    assert s3.list_buckets()["Buckets"] == []


def test_table(stacks: Stacks) -> None:
    properties = {
        "TableName": "findings",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
        "TimeToLiveSpecification": {"AttributeName": "expires", "Enabled": True},
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
        "SSESpecification": {"SSEEnabled": True},
        "Tags": TAGS,
    }
    deploy(stacks, T=("AWS::DynamoDB::Table", properties))
    dynamodb = stacks.client("dynamodb")

    def described() -> tuple[Any, ...]:
        table = dynamodb.describe_table(TableName="findings")["Table"]
        ttl = dynamodb.describe_time_to_live(TableName="findings")["TimeToLiveDescription"]
        backups = dynamodb.describe_continuous_backups(TableName="findings")
        pitr = backups["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
        return (
            table["BillingModeSummary"]["BillingMode"],
            table.get("SSEDescription", {}).get("Status"),
            ttl["TimeToLiveStatus"],
            pitr["PointInTimeRecoveryStatus"],
        )

    assert described() == ("PAY_PER_REQUEST", "ENABLED", "ENABLED", "ENABLED")
    changed = properties | {
        "BillingMode": "PROVISIONED",
        "ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": "2"},
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": False},
    }
    del changed["TimeToLiveSpecification"]
    deploy(stacks, T=("AWS::DynamoDB::Table", changed))
    billing, _, ttl, pitr = described()
    assert (billing, ttl, pitr) == ("PROVISIONED", "DISABLED", "DISABLED")
    rekeyed = changed | {"KeySchema": [{"AttributeName": "x", "KeyType": "HASH"}]}
    assert stacks.deploy("s", template(T=("AWS::DynamoDB::Table", rekeyed))).endswith(
        "ROLLBACK_COMPLETE"
    )
    assert "custom-named resource requires replacing" in stacks.reasons("s")
    assert stacks.delete("s") == "DELETE_COMPLETE"
    assert dynamodb.list_tables()["TableNames"] == []


def test_key_and_alias(stacks: Stacks) -> None:
    hmac = {"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC", "KeyPolicy": POLICY}
    alias = (
        "AWS::KMS::Alias",
        {"AliasName": "alias/m", "TargetKeyId": {"Fn::GetAtt": ["K", "Arn"]}},
    )
    plain = ("AWS::KMS::Key", {"KeyPolicy": POLICY, "EnableKeyRotation": True, "Tags": TAGS})
    deploy(stacks, K=("AWS::KMS::Key", hmac), A=alias, Plain=plain)
    kms, key = stacks.client("kms"), stacks.physical_id("s", "K")
    described = kms.describe_key(KeyId="alias/m")["KeyMetadata"]
    assert (described["KeyId"], described["KeySpec"]) == (key, "HMAC_256")
    assert described["KeyUsage"] == "GENERATE_VERIFY_MAC"
    assert kms.generate_mac(KeyId="alias/m", Message=b"m", MacAlgorithm="HMAC_SHA_256")["Mac"]
    plain_id = stacks.physical_id("s", "Plain")
    assert kms.get_key_rotation_status(KeyId=plain_id)["KeyRotationEnabled"]

    off = ("AWS::KMS::Key", {"KeyPolicy": TRUST, "Description": "d", "Enabled": False})
    deploy(stacks, K=("AWS::KMS::Key", hmac | {"KeySpec": "HMAC_384"}), A=alias, Plain=off)
    assert kms.describe_key(KeyId=plain_id)["KeyMetadata"]["Description"] == "d"
    assert not kms.describe_key(KeyId=plain_id)["KeyMetadata"]["Enabled"]
    assert not kms.get_key_rotation_status(KeyId=plain_id)["KeyRotationEnabled"]
    assert json.loads(kms.get_key_policy(KeyId=plain_id, PolicyName="default")["Policy"]) == TRUST
    assert kms.describe_key(KeyId="alias/m")["KeyMetadata"]["KeySpec"] == "HMAC_384"
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "PendingDeletion"
    assert stacks.delete("s") == "DELETE_COMPLETE"
    assert "alias/m" not in {a["AliasName"] for a in kms.list_aliases()["Aliases"]}


def test_secret_and_its_policy(stacks: Stacks) -> None:
    generated = {
        "Name": "app/db",
        "Description": "d",
        "GenerateSecretString": {
            "SecretStringTemplate": '{"username": "app"}',
            "GenerateStringKey": "password",
            "PasswordLength": 40,
            "ExcludePunctuation": True,
        },
        "Tags": TAGS,
    }
    policy = {"SecretId": {"Ref": "S"}, "ResourcePolicy": POLICY}
    deploy(
        stacks,
        S=("AWS::SecretsManager::Secret", generated),
        P=("AWS::SecretsManager::ResourcePolicy", policy),
    )
    manager, secret = stacks.client("secretsmanager"), {"SecretId": "app/db"}

    def value() -> Any:
        return json.loads(manager.get_secret_value(**secret)["SecretString"])

    first = value()
    assert first["username"] == "app"
    assert len(first["password"]) == 40
    assert first["password"].isalnum()
    assert json.loads(manager.get_resource_policy(**secret)["ResourcePolicy"]) == POLICY

    deploy(stacks, S=("AWS::SecretsManager::Secret", generated | {"Description": "e", "Tags": []}))
    described = manager.describe_secret(**secret)
    assert (described["Description"], described.get("Tags", [])) == ("e", [])
    assert value() == first, "an update of something else must not make a new value"
    assert "ResourcePolicy" not in manager.get_resource_policy(**secret)
    assert stacks.delete("s") == "DELETE_COMPLETE"
    assert manager.list_secrets()["SecretList"] == []


def test_roles_policies_and_users(stacks: Stacks) -> None:
    statement = {"PolicyName": "inline", "PolicyDocument": POLICY}
    role = ROLE[1] | {"Policies": [statement], "MaxSessionDuration": "7200", "Tags": TAGS}
    managed = {"PolicyDocument": POLICY, "Roles": [{"Ref": "R"}], "Users": [{"Ref": "U"}]}
    policy = {"PolicyName": "default", "PolicyDocument": POLICY, "Roles": [{"Ref": "R"}]}
    deploy(
        stacks,
        R=("AWS::IAM::Role", role),
        U=("AWS::IAM::User", {"UserName": "machine"}),
        M=("AWS::IAM::ManagedPolicy", managed),
        P=("AWS::IAM::Policy", policy),
    )
    iam, name = stacks.client("iam"), {"RoleName": stacks.physical_id("s", "R")}
    assert iam.get_role(**name)["Role"]["MaxSessionDuration"] == 7200
    assert set(iam.list_role_policies(**name)["PolicyNames"]) == {"inline", "default"}
    arn = stacks.physical_id("s", "M")
    assert iam.list_attached_role_policies(**name)["AttachedPolicies"][0]["PolicyArn"] == arn

    other = {"Version": "2012-10-17", "Statement": [ALLOW | {"Action": "s3:PutObject"}]}
    trusted = ROLE[1] | {
        "AssumeRolePolicyDocument": OTHER_TRUST,
        "ManagedPolicyArns": [{"Ref": "M"}],
    }
    deploy(
        stacks,
        R=("AWS::IAM::Role", trusted),
        U=("AWS::IAM::User", {"UserName": "machine"}),
        M=("AWS::IAM::ManagedPolicy", {"PolicyDocument": other}),
        P=("AWS::IAM::Policy", policy | {"PolicyDocument": other}),
    )
    assert iam.get_role(**name)["Role"]["AssumeRolePolicyDocument"] == OTHER_TRUST
    assert iam.list_role_policies(**name)["PolicyNames"] == ["default"]
    assert iam.get_role_policy(**name, PolicyName="default")["PolicyDocument"] == other
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    document = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]
    assert document["Document"] == other
    assert stacks.delete("s") == "DELETE_COMPLETE", stacks.reasons("s")
    assert iam.list_roles()["Roles"] == iam.list_users()["Users"] == []
    assert iam.list_policies(Scope="Local")["Policies"] == []


def test_glue_database_and_table(stacks: Stacks) -> None:
    def lines(column: str) -> dict[str, tuple[str, dict[str, Any]]]:
        table = {
            "Name": "lines",
            "Parameters": {"projection.enabled": "true"},
            "PartitionKeys": [{"Name": "dt", "Type": "string"}],
            "StorageDescriptor": {
                "Columns": [{"Name": column, "Type": "struct<a:string>"}],
                "Location": "s3://results/kind=lines/",
                "SerdeInfo": {"SerializationLibrary": "org.openx.data.jsonserde.JsonSerDe"},
            },
        }
        database = {"CatalogId": "123456789012", "DatabaseInput": {"Name": "reports"}}
        where = {"CatalogId": "123456789012", "DatabaseName": {"Ref": "D"}}
        return {
            "D": ("AWS::Glue::Database", database),
            "T": ("AWS::Glue::Table", where | {"TableInput": table}),
        }

    def columns() -> list[str]:
        table = glue.get_table(DatabaseName="reports", Name="lines")["Table"]
        assert table["PartitionKeys"] == [{"Name": "dt", "Type": "string"}]
        return [column["Name"] for column in table["StorageDescriptor"]["Columns"]]

    deploy(stacks, **lines("first"))
    glue = stacks.client("glue")
    assert (stacks.physical_id("s", "D"), columns()) == ("reports", ["first"])
    deploy(stacks, **lines("second"))
    assert columns() == ["second"]
    stacks.delete("s")
    assert glue.get_databases()["DatabaseList"] == []
