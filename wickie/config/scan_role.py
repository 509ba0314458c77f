"""The role by which other accounts are scanned, as a CloudFormation template for a StackSet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from wickie.config.targets import S3Target
from wickie.scan.sources import SOURCES, ssm_parameter
from wickie.scan.sources.s3 import PERMISSIONS, VERSION_PERMISSIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from wickie.config.targets import Scan

ROLE: Final = "wickie-scan"
_NEVER: Final = {
    "Sid": "NeverAValue",
    "Effect": "Deny",
    "Action": ["secretsmanager:BatchGetSecretValue", "secretsmanager:GetSecretValue"],
    "Resource": "*",
}
# https://docs.aws.amazon.com/systems-manager/latest/userguide/services-kms-parameter-store.html
_NO_SECURE_STRINGS: Final = {
    "Sid": "NoSecureStrings",
    "Effect": "Deny",
    "Action": "kms:Decrypt",
    "Resource": "*",
    "Condition": {"StringLike": {"kms:ViaService": "ssm.*"}},
}


def template(scan: Scan) -> dict[str, Any]:
    """
    Allow what the targets of `scan` take in another account, and no more.

    Without targets: every kind that is found in other accounts, but S3, whose buckets are named.
    """
    external = {"StringEquals": {"sts:ExternalId": {"Ref": "ExternalId"}}}
    trust = {
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"AWS": {"Ref": "TrustedRole"}},
        "Condition": {"Fn::If": ["Asked", external, {"Ref": "AWS::NoValue"}]},
    }
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "wickie: lets the flows of another account scan this one, and write nothing",
        "Parameters": {
            "TrustedRole": {
                "Type": "String",
                "AllowedPattern": r"arn:[a-z-]+:iam::\d{12}:role/.+",
                "Description": "task_role_arn in the SSM parameter /wickie/<stage>/work-pool",
            },
            "ExternalId": {
                "Type": "String",
                "Default": "",
                "Description": "external_id under scan.accounts in wickie.yaml; empty: none",
            },
        },
        "Conditions": {"Asked": {"Fn::Not": [{"Fn::Equals": [{"Ref": "ExternalId"}, ""]}]}},
        "Resources": {
            "Role": {
                "Type": "AWS::IAM::Role",
                "Properties": {
                    "RoleName": ROLE,
                    "Description": "read by wickie's scans",
                    "AssumeRolePolicyDocument": _policy([trust]),
                    "Policies": [
                        {"PolicyName": "scan", "PolicyDocument": _policy(_statements(scan))}
                    ],
                },
            }
        },
        "Outputs": {"Role": {"Value": {"Fn::GetAtt": ["Role", "Arn"]}}},
    }


def _policy(statements: Iterable[dict[str, Any]]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def _statements(scan: Scan) -> Iterator[dict[str, Any]]:
    named = [target.kind for target in scan.targets if not isinstance(target, S3Target)]
    everything = [kind for kind in SOURCES if SOURCES[kind].reach != "once"]
    kinds = [kind for kind in everything if kind in named or not scan.targets]
    if actions := sorted({action for kind in kinds for action in SOURCES[kind].permissions}):
        yield {"Sid": "Read", "Effect": "Allow", "Action": actions, "Resource": "*"}
    buckets = [t for t in scan.targets if isinstance(t, S3Target) and t.account]
    if buckets:
        versions = VERSION_PERMISSIONS if any(t.versions for t in buckets) else ()
        yield {
            "Sid": "ReadBuckets",
            "Effect": "Allow",
            "Action": sorted({*PERMISSIONS, *versions}),
            "Resource": [
                {"Fn::Sub": f"arn:${{AWS::Partition}}:s3:::{name}{objects}"}
                for name in dict.fromkeys(target.bucket for target in buckets)
                for objects in ("", "/*")
            ],
        }
    if ssm_parameter.KIND in kinds:
        yield dict(_NO_SECURE_STRINGS)
    yield dict(_NEVER)
