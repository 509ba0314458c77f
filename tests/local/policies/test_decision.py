"""The evaluator decides as AWS documents it; each case is a sentence of the IAM user guide."""

from __future__ import annotations

from typing import Any

import pytest

from local.policies.conditions import holds
from local.policies.decision import Policies, Request, decide
from local.policies.patterns import filled, matches_arn

ROLE = "arn:aws:iam::123456789012:role/scanner"
ROOT = "arn:aws:iam::123456789012:root"
SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop/db-AbCdEf"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/k"


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(action: Any = "*", resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: Any = "*", resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {**allow(action, resource, **more), "Effect": "Deny"}


def get(**context: tuple[str, ...]) -> Request:
    return Request(ROLE, "secretsmanager:GetSecretValue", SECRET, context)


def allowed(request: Request, *statements: dict[str, Any], **more: Any) -> bool:
    return decide(request, Policies([policy(*statements)], **more)).allowed


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ([], False),
        ([allow("secretsmanager:GetSecretValue", SECRET)], True),
        ([allow("SecretsManager:getsecretVALUE", SECRET)], True),
        ([allow("secretsmanager:Get*", f"{SECRET[:-6]}??????")], True),
        ([allow("secretsmanager:Get*", f"{SECRET[:-6]}?????")], False),
        ([allow("secretsmanager:DescribeSecret")], False),
        ([allow(["s3:GetObject", "secretsmanager:GetSecretValue"], [KEY, SECRET])], True),
        ([allow("*", "arn:aws:secretsmanager:us-east-1:*:secret:*")], False),
        ([allow("*", "arn:aws:secretsmanager:*")], False),  # wildcards end at a colon
        ([allow(), deny("secretsmanager:*")], False),
        ([allow(), deny("secretsmanager:*", KEY)], True),
        ([{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}], True),
        ([{"Effect": "Allow", "NotAction": "secretsmanager:*", "Resource": "*"}], False),
        ([{"Effect": "Allow", "Action": "*", "NotResource": SECRET}], False),
        ([allow(), {"Effect": "Deny", "Action": "*", "NotResource": SECRET}], True),
    ],
    ids=str,
)
def test_what_the_roles_own_policies_decide(
    statements: list[dict[str, Any]], expected: bool
) -> None:
    assert allowed(get(), *statements) is expected


def test_a_boundary_grants_nothing_and_limits_everything() -> None:
    assert allowed(get(), allow(), boundary=[policy(allow("secretsmanager:*"))])
    assert not allowed(get(), allow(), boundary=[policy(allow("s3:*"))])
    assert not allowed(get(), boundary=[policy(allow())])


def test_a_resources_policy_may_grant_and_may_refuse() -> None:
    assert allowed(get(), resource=[policy(allow(Principal={"AWS": ROLE}))])
    assert not allowed(get(), resource=[policy(allow(Principal={"AWS": ROOT}))])
    assert not allowed(get(), resource=[policy(allow(Principal={"Service": "ecs"}))])
    assert not allowed(get(), allow(), resource=[policy(deny(Principal="*"))])
    assert allowed(get(), allow(), resource=[policy(deny(Principal={"AWS": "arn:aws:iam::1:r"}))])
    others = {"Effect": "Deny", "NotPrincipal": {"AWS": ROLE}, "Action": "*", "Resource": "*"}
    assert allowed(get(), allow(), resource=[policy(others)])


def test_a_key_is_used_only_if_its_own_policy_agrees() -> None:
    request = Request(ROLE, "kms:GenerateMac", KEY)
    delegating = [policy(allow("kms:*", Principal={"AWS": ROOT}))]
    assert allowed(request, allow(), resource=delegating)
    assert not allowed(request, allow())
    assert not allowed(request, resource=delegating)


def test_another_accounts_resource_takes_both_sides() -> None:
    role = "arn:aws:iam::210987654321:role/wickie-scan"
    request = Request(ROLE, "sts:AssumeRole", role)
    trust = [policy({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": ROLE}})]
    assert allowed(request, allow("sts:AssumeRole", role), resource=trust)
    assert not allowed(request, resource=trust)
    assert not allowed(request, allow("sts:AssumeRole", role))


CONTEXT = {
    "aws:requestedregion": ("eu-west-1",),
    "aws:securetransport": ("true",),
    "aws:sourceip": ("10.1.2.3",),
    "aws:currenttime": ("2026-11-26T03:00:00Z",),
    "aws:tagkeys": ("wickie:issuing", "owner"),
    "aws:principalarn": (ROLE,),
    "s3:max-keys": ("10",),
}


@pytest.mark.parametrize(
    ("operator", "key", "wanted", "expected"),
    [
        ("StringEquals", "aws:RequestedRegion", ["us-east-1", "eu-west-1"], True),
        ("StringEquals", "aws:RequestedRegion", "EU-WEST-1", False),
        ("StringEqualsIgnoreCase", "aws:RequestedRegion", "EU-WEST-1", True),
        ("StringNotEquals", "aws:RequestedRegion", ["us-east-1", "eu-west-1"], False),
        ("StringLike", "aws:RequestedRegion", "eu-*", True),
        ("StringNotLike", "aws:RequestedRegion", "eu-*", False),
        ("StringEquals", "aws:SourceVpc", "vpc-1", False),
        ("StringNotEquals", "aws:SourceVpc", "vpc-1", True),
        ("StringEqualsIfExists", "aws:SourceVpc", "vpc-1", True),
        ("Bool", "aws:SecureTransport", "false", False),
        ("Bool", "aws:SecureTransport", True, True),
        ("Null", "aws:SourceVpc", "true", True),
        ("Null", "aws:TagKeys", "true", False),
        ("ArnLike", "aws:PrincipalArn", "arn:aws:iam::*:role/scan*", True),
        ("ArnEquals", "aws:PrincipalArn", "arn:aws:iam::*:user/*", False),
        ("ArnNotLike", "aws:PrincipalArn", "arn:aws:iam::*:role/*", False),
        ("IpAddress", "aws:SourceIp", "10.0.0.0/8", True),
        ("NotIpAddress", "aws:SourceIp", ["10.0.0.0/8"], False),
        ("DateLessThan", "aws:CurrentTime", "2026-12-01T00:00:00Z", True),
        ("DateGreaterThan", "aws:CurrentTime", "2026-12-01T00:00:00Z", False),
        ("NumericLessThanEquals", "s3:max-keys", "10", True),
        ("NumericNotEquals", "s3:max-keys", "10", False),
        ("ForAllValues:StringEquals", "aws:TagKeys", ["wickie:issuing"], False),
        ("ForAllValues:StringEquals", "aws:TagKeys", ["wickie:issuing", "owner"], True),
        ("ForAllValues:StringEquals", "aws:SourceVpc", ["vpc-1"], True),
        ("ForAnyValue:StringEquals", "aws:TagKeys", ["owner"], True),
        ("ForAnyValue:StringEquals", "aws:SourceVpc", ["vpc-1"], False),
        ("ForAllValues:StringNotEquals", "aws:TagKeys", ["other"], True),
    ],
)
def test_what_a_condition_asks(operator: str, key: str, wanted: Any, expected: bool) -> None:
    assert holds({operator: {key: wanted}}, CONTEXT) is expected


def test_an_operator_that_nobody_knows_is_not_taken_for_met() -> None:
    with pytest.raises(ValueError, match="StringAlmost"):
        holds({"StringAlmost": {"aws:RequestedRegion": "eu-west-1"}}, CONTEXT)


def test_variables_of_a_policy_are_filled_in_from_the_request() -> None:
    pattern = "arn:aws:s3:::logs-${aws:RequestedRegion}/${*}/*"
    text = filled(pattern, CONTEXT)
    assert text is not None
    assert matches_arn(text, "arn:aws:s3:::logs-eu-west-1/*/a")
    assert not matches_arn(text, "arn:aws:s3:::logs-eu-west-1/b/a")
    assert filled("${aws:username}", CONTEXT) is None
    assert filled("${aws:username, 'nobody'}", CONTEXT) == "nobody"
