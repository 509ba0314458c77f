"""Buckets, functions and task definitions are read whole; what cannot be read is named."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.stub import ANY, Stubber
from moto import mock_aws

from stacks import permissions
from tests.scan.paper import drawn, managed, read
from wickie.aws import Clients
from wickie.config import Scan
from wickie.errors import ConfigError, SourceError
from wickie.model import Gap
from wickie.scan import engine
from wickie.scan.chunk import SIZE, Chunk
from wickie.scan.sources import SOURCES, open_source
from wickie.scan.sources.s3 import Bucket

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@pytest.fixture
def aws():
    with mock_aws():
        yield


def test_an_unknown_kind_and_a_missing_option_are_named():
    with pytest.raises(ConfigError, match="ecs-task-definition"):
        open_source("floppy", {}, Clients())
    with pytest.raises(ConfigError, match="s3 target needs bucket"):
        open_source("s3", {}, Clients())


def test_every_source_declares_the_permissions_that_the_scanner_is_granted():
    assert {kind: SOURCES[kind].permissions for kind in SOURCES} == dict(permissions.SOURCES)


def bucket(name: str) -> S3Client:
    """A new bucket's client, which is given two keys at a time."""
    s3 = boto3.client("s3")
    where = {"LocationConstraint": "eu-west-1"}
    s3.create_bucket(Bucket=name, CreateBucketConfiguration=where)
    s3.meta.events.register(
        "provide-client-params.s3.ListObjectsV2", lambda params, **_: {**params, "MaxKeys": 2}
    )
    return s3


@pytest.mark.usefixtures("aws")
def test_a_bucket_is_read_page_by_page_with_large_objects_in_chunks():
    s3 = bucket("shop-logs")
    for number in range(21):
        s3.put_object(Bucket="shop-logs", Key=f"app/{number:02}", Body=b"abc")
    s3.put_object(Bucket="shop-logs", Key="app/05-large", Body=b"x" * (2 * SIZE))
    s3.put_object(Bucket="shop-logs", Key="app/empty", Body=b"")
    s3.put_object(Bucket="shop-logs", Key="other", Body=b"not asked for")
    result = engine.scan([Bucket(s3, "shop-logs", "app/")], [], run_id="r")
    assert (result.artifacts, result.gaps) == (23, ())
    assert result.bytes_scanned == 21 * 3 + 2 * SIZE


@pytest.mark.usefixtures("aws")
def test_an_object_that_may_not_be_read_is_a_gap_and_the_rest_is_read():
    s3 = bucket("shop-logs")
    for key in ("a", "cold", "large"):
        s3.put_object(
            Bucket="shop-logs", Key=key, Body=b"x" * (100 if key == "large" else 1),
            StorageClass="GLACIER" if key == "cold" else "STANDARD",
        )  # fmt: skip
    parts = read(Bucket(s3, "shop-logs", largest=50))
    gaps = {part.uri: part.reason for part in parts if isinstance(part, Gap)}
    assert [part.uri for part in parts if isinstance(part, Chunk)] == ["s3://shop-logs/a"]
    assert "1 objects in storage class GLACIER; restore them" in gaps["s3://shop-logs/"]
    assert "larger than 50 bytes" in gaps["s3://shop-logs/large"]


@pytest.mark.usefixtures("aws")
def test_a_cold_object_that_was_restored_is_read():
    s3 = bucket("shop-logs")
    s3.put_object(Bucket="shop-logs", Key="cold", Body=b"text", StorageClass="GLACIER")
    s3.restore_object(Bucket="shop-logs", Key="cold", RestoreRequest={"Days": 1})
    real = s3.get_paginator

    def restored(call):
        def paginate(**asked):
            assert asked["OptionalObjectAttributes"] == ["RestoreStatus"]
            for page in real(call).paginate(**asked):
                for item in page["Contents"]:
                    item["RestoreStatus"] = {"RestoreExpiryDate": "tomorrow"}
                yield page

        return SimpleNamespace(paginate=paginate)

    s3.get_paginator = restored
    (chunk,) = read(Bucket(s3, "shop-logs"))
    assert chunk.data == b"text"


@pytest.mark.usefixtures("aws")
def test_objects_are_chosen_by_how_their_keys_end():
    s3 = bucket("shop-logs")
    for key in ("a.log", "b.LOG", "c.png", "d.log.gz"):
        s3.put_object(Bucket="shop-logs", Key=key, Body=b"x")

    def read_of(**options):
        target = {"kind": "s3", "bucket": "shop-logs", **options}
        (declared,) = Scan.model_validate({"targets": [target]}).declared()
        return [p.uri[-5:] for p in read(open_source("s3", declared, Clients()))]

    assert read_of(only=[".log", ".PNG"]) == ["a.log", "b.LOG", "c.png"]
    assert read_of(skip=[".png", ".gz"]) == ["a.log", "b.LOG"]
    assert read_of(only=[".log"], skip=["b.log"]) == ["a.log"]


@pytest.mark.usefixtures("aws")
def test_what_was_overwritten_or_deleted_is_found_if_every_version_is_read():
    s3, first, second = bucket("shop-logs"), drawn(), drawn()
    s3.put_bucket_versioning(Bucket="shop-logs", VersioningConfiguration={"Status": "Enabled"})
    for key, text in (("a", first), ("a", "clean"), ("b", second)):
        s3.put_object(Bucket="shop-logs", Key=key, Body=f"pw={text}".encode())
    s3.delete_object(Bucket="shop-logs", Key="b")
    detector = managed(first, second)
    now = engine.scan([Bucket(s3, "shop-logs")], [detector], run_id="r")
    assert (now.findings, now.artifacts) == ((), 1)
    ever = engine.scan([Bucket(s3, "shop-logs", versions=True)], [detector], run_id="r")
    assert ever.artifacts == 3
    assert [f.location.uri.partition("?versionId=")[0] for f in ever.findings] == [
        "s3://shop-logs/a", "s3://shop-logs/b",
    ]  # fmt: skip


@pytest.mark.usefixtures("aws")
def test_a_missing_bucket_is_an_error_that_says_what_it_takes():
    with pytest.raises(SourceError, match=r"NoSuchBucket.*s3:ListBucket, s3:GetObject"):
        read(open_source("s3", {"bucket": "nowhere"}, Clients()))


def a_function(name: str, **variables: str) -> None:
    role = {"Version": "2012-10-17", "Statement": []}
    iam = boto3.client("iam")
    if not iam.list_roles()["Roles"]:
        iam.create_role(RoleName="role", AssumeRolePolicyDocument=str(role))
    boto3.client("lambda").create_function(
        FunctionName=name,
        Role=iam.get_role(RoleName="role")["Role"]["Arn"],
        Code={"ZipFile": b"x"},
        Runtime="python3.12",
        Handler="x.y",
        Environment={"Variables": variables},
        Publish=True,
    )


@pytest.mark.usefixtures("aws")
def test_variables_of_functions_and_their_published_versions_are_read():
    value = drawn()
    a_function("shop-orders", DB_PASSWORD=value, LEVEL="info")
    a_function("shop-plain")
    a_function("other", DB_PASSWORD=value)
    boto3.client("lambda").update_function_configuration(
        FunctionName="shop-orders", Environment={"Variables": {"LEVEL": "info"}}
    )
    source = open_source("lambda-environment", {"prefix": "shop-"}, Clients())
    result = engine.scan([source], [managed(value)], run_id="r")
    (finding,) = result.findings
    assert finding.location.uri.endswith(":function:shop-orders:1#DB_PASSWORD")
    assert finding.location.line is None
    assert result.artifacts == 4


def test_variables_that_may_not_be_decrypted_are_a_gap():
    client = Clients().lambda_
    function = {
        "FunctionName": "f",
        "FunctionArn": "arn:aws:lambda:eu-west-1:1:function:f:$LATEST",
        "Version": "$LATEST",
        "Environment": {"Error": {"ErrorCode": "AccessDeniedException", "Message": "no"}},
    }
    with Stubber(client) as stub:
        stub.add_response("list_functions", {"Functions": [function]}, {"FunctionVersion": ANY})
        source = SOURCES["lambda-environment"].open({}, offering(client))
        (gap,) = (part for part in read(source) if isinstance(part, Gap))
    assert gap == Gap(
        "arn:aws:lambda:eu-west-1:1:function:f",
        "AccessDeniedException; allow kms:Decrypt on the function's key",
    )


@pytest.mark.usefixtures("aws")
def test_every_active_revision_of_task_definitions_is_read():
    ecs, value = boto3.client("ecs"), drawn()
    for family, command in (("shop", value), ("shop", "x"), ("shop", "gone"), ("other", value)):
        ecs.register_task_definition(
            family=family,
            containerDefinitions=[
                {
                    "name": "app",
                    "image": "i",
                    "memory": 1,
                    "command": ["psql", "-p", command],
                    "environment": [{"name": "LEVEL", "value": "info"}],
                    "dockerLabels": {"team": "sea"},
                }
            ],
        )
    ecs.deregister_task_definition(taskDefinition="shop:3")
    source = open_source("ecs-task-definition", {"prefix": "sh"}, Clients())
    assert {
        part.part: part.data
        for part in read(source)
        if isinstance(part, Chunk) and part.uri.endswith("/shop:2") and part.data
    } == {
        "app/environment/LEVEL": b"LEVEL=info",
        "app/command": b"psql -p x",
        "app/dockerLabels/team": b"team=sea",
    }
    result = engine.scan([source], [managed(value)], run_id="r")
    (finding,) = result.findings
    assert finding.location.uri.endswith(":task-definition/shop:1#app/command")
    assert result.artifacts == 2


@pytest.mark.usefixtures("aws")
def test_variables_and_build_specifications_of_projects_are_read():
    value = drawn()
    boto3.client("codebuild").create_project(
        name="shop-build",
        source={"type": "S3", "location": "b/k", "buildspec": f"{{commands: [x -p {value}]}}"},
        artifacts={"type": "NO_ARTIFACTS"},
        environment={
            "type": "LINUX_CONTAINER",
            "image": "i",
            "computeType": "BUILD_GENERAL1_SMALL",
            "environmentVariables": [{"name": "TOKEN", "value": value}],
        },
        serviceRole="arn:aws:iam::123456789012:role/service-role/build",
    )
    source = open_source("codebuild-project", {"prefix": "shop"}, Clients())
    chunks = (part for part in read(source) if isinstance(part, Chunk))
    assert {chunk.part for chunk in chunks if value.encode() in chunk.data} == {
        "environment/TOKEN",
        "source/0/buildspec",
    }


def offering(client: Any) -> Any:
    return SimpleNamespace(service=lambda _name: client)


@pytest.mark.parametrize(
    ("kind", "service", "call"),
    [
        ("lambda-environment", "lambda", "list_functions"),
        ("ecs-task-definition", "ecs", "list_task_definitions"),
        ("codebuild-project", "codebuild", "list_projects"),
    ],
)
def test_what_aws_refuses_is_an_error_that_names_the_permission(kind, service, call):
    client = Clients().service(service)
    with Stubber(client) as stub:
        stub.add_client_error(call, "AccessDeniedException", "not allowed")
        named = f"not allowed; it takes {SOURCES[kind].permissions[0]}"
        with pytest.raises(SourceError, match=named):
            read(SOURCES[kind].open({}, offering(client)))
