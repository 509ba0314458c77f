"""What an operation takes, on which resources; its ARNs have the form that AWS documents."""

from __future__ import annotations

from typing import Any

import pytest

from local.policies import resources
from local.policies.catalogue import is_arn_of, is_known, resource_types
from local.policies.operations import _IN_TRANSACTIONS, _OF_A_VERSION, _OTHERWISE, needs
from local.policies.resources import Place, arns
from local.policies.usage import Grant, grants
from local.recording import Call, from_json

HERE = Place("aws", "eu-west-1", "123456789012")
TABLE = "arn:aws:dynamodb:eu-west-1:123456789012:table/t"


def taken(service: str, operation: str, **parameters: Any) -> list[tuple[str, str]]:
    return [
        (action, arn)
        for action, named in needs(service, operation, parameters)
        for arn in arns(action, named, HERE)
    ]


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "expected"),
    [
        ("s3", "ListObjectsV2", {"Bucket": "b"}, [("s3:ListBucket", "arn:aws:s3:::b")]),
        ("s3", "HeadObject", {"Bucket": "b", "Key": "k"}, [("s3:GetObject", "arn:aws:s3:::b/k")]),
        (
            "s3",
            "GetObject",
            {"Bucket": "b", "Key": "k", "VersionId": "v"},
            [("s3:GetObjectVersion", "arn:aws:s3:::b/k")],
        ),
        (
            "s3",
            "CopyObject",
            {"Bucket": "b", "Key": "k", "CopySource": "a/x/y"},
            [("s3:PutObject", "arn:aws:s3:::b/k"), ("s3:GetObject", "arn:aws:s3:::a/x/y")],
        ),
        (
            "lambda",
            "Invoke",
            {"FunctionName": "f"},
            [("lambda:InvokeFunction", "arn:aws:lambda:eu-west-1:123456789012:function:f")],
        ),
        ("lambda", "ListFunctions", {}, [("lambda:ListFunctions", "*")]),
        ("sts", "GetCallerIdentity", {}, []),
        (
            "secretsmanager",
            "BatchGetSecretValue",
            {"SecretIdList": ["a"]},
            [
                ("secretsmanager:BatchGetSecretValue", "*"),
                (
                    "secretsmanager:GetSecretValue",
                    "arn:aws:secretsmanager:eu-west-1:123456789012:secret:a",
                ),
            ],
        ),
        (
            "dynamodb",
            "TransactWriteItems",
            {"TransactItems": [{"Put": {"TableName": "t"}}, {"Update": {"TableName": TABLE}}]},
            [("dynamodb:PutItem", TABLE), ("dynamodb:UpdateItem", TABLE)],
        ),
        (
            "ecs",
            "DescribeServices",
            {"cluster": "arn:aws:ecs:eu-west-1:123456789012:cluster/c", "services": ["a", "b"]},
            [
                ("ecs:DescribeServices", f"arn:aws:ecs:eu-west-1:123456789012:service/c/{name}")
                for name in "ab"
            ],
        ),
        (
            "rds",
            "DescribeDBProxies",
            {},
            [("rds:DescribeDBProxies", "arn:aws:rds:eu-west-1:123456789012:db-proxy:*")],
        ),
        (
            "ssm",
            "SendCommand",
            {"DocumentName": "restart", "InstanceIds": ["i-1"]},
            [
                ("ssm:SendCommand", "arn:aws:ssm:eu-west-1:123456789012:document/restart"),
                ("ssm:SendCommand", "arn:aws:ec2:eu-west-1:123456789012:instance/i-1"),
            ],
        ),
        ("apigateway", "GetRestApis", {}, [("apigateway:GET", "*")]),
    ],
)
def test_what_an_operation_takes(
    service: str, operation: str, parameters: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    assert taken(service, operation, **parameters) == expected


def test_who_hands_a_role_to_a_service_needs_iam_pass_role() -> None:
    role = "arn:aws:iam::123456789012:role/flows"
    for operation, parameters in {
        "RegisterTaskDefinition": {"family": "f", "taskRoleArn": role},
        "RunTask": {"taskDefinition": "f:1", "overrides": {"executionRoleArn": role}},
    }.items():
        (_, own), (action, named) = needs("ecs", operation, parameters)
        assert own is parameters
        assert (action, arns(action, named, HERE)) == ("iam:PassRole", (role,))
        assert named["PassedToService"] == "ecs-tasks.amazonaws.com"


def test_every_action_of_the_tables_is_one_that_aws_has() -> None:
    tables = (_OTHERWISE, _OF_A_VERSION, _IN_TRANSACTIONS)
    assert not [a for table in tables for a in table.values() if not is_known(a)]


@pytest.mark.parametrize(("service", "kind"), sorted(resources._FORMS))
def test_an_arn_has_the_form_that_aws_documents_for_its_type(service: str, kind: str) -> None:
    names = {n for form in resources._FORMS[service, kind] for n in _names(form)}
    parameters = {name: f"a-{name}" for name in names if not name.endswith(("Arn", "Url"))}
    for arn in resources._arns(service, kind, parameters, HERE):
        assert is_arn_of(service, kind, arn), arn


def _names(form: str) -> list[str]:
    return resources._PARAMETER.findall(form)


def test_an_action_without_resources_is_known_as_such() -> None:
    assert resource_types("ecs:ListClusters") == ()
    assert resource_types("s3:GetObject") == ("accesspointobject", "object")
    assert not is_known("s3:ListObjectsV2")


def call(action: str, resource: str, principal: str = "role") -> Call:
    return Call(principal, "", action, action, resource, ())


def test_a_grant_is_used_by_a_call_of_its_principal_that_it_covers() -> None:
    statement = {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"]}
    document = {"Statement": {**statement, "Resource": ["arn:aws:s3:::a/*", "arn:aws:s3:::b/*"]}}
    each = list(grants("role", [document]))
    assert len(each) == 4
    used = [grant for grant in each if grant.covers(call("s3:GetObject", "arn:aws:s3:::a/k"))]
    assert used == [Grant("role", "s3:GetObject", "arn:aws:s3:::a/*")]
    assert not any(g.covers(call("s3:GetObject", "arn:aws:s3:::a/k", "other")) for g in each)
    refusal = {"Effect": "Deny", "Action": "*", "Resource": "*"}
    assert not list(grants("role", [{"Statement": [refusal]}]))


def test_calls_survive_the_way_over_http() -> None:
    made = Call("p", "s", "s3:PutObject", "s3:PutObject", "r", (("aws:tagkeys", ("a", "b")),))
    listed = {**vars(made), "context": [["aws:tagkeys", ["a", "b"]]], "count": 3}
    assert from_json([listed]) == [made]
