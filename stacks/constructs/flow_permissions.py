"""What flows may do: scan what wickie.yaml lists, replace the secrets it lists, report."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from aws_cdk import Stack

from stacks import permissions
from stacks.constructs.dependent_grants import any_proxy, grant_dependents
from stacks.constructs.grants import grant
from stacks.constructs.names import function_arn, parameter_arn, secret_arns
from stacks.constructs.rotation_function import groups
from wickie.config import S3Target
from wickie.config.vulnerabilities import EcrFindings, InspectorFindings
from wickie.deployment import Deployment, parameter_name
from wickie.scan import cache

if TYPE_CHECKING:
    from aws_cdk import aws_iam as iam

    from stacks.data import DataStack
    from wickie.config import Config


def grant_flows(role: iam.Role, config: Config, data: DataStack) -> None:
    """
    Allow `role` what the flows of this stage need.

    Never secretsmanager:GetSecretValue: the scanner knows fingerprints, and credentials are
    verified and retired inside the rotation function, where their values are.
    """
    stack = Stack.of(role)
    names = [parameter_name(config.stage, field.name) for field in fields(Deployment)]
    grant(role, permissions.LOAD, {"ssm": [parameter_arn(stack, name) for name in names]})
    grant(
        role,
        permissions.RECOGNISE,
        {"dynamodb": [data.fingerprints.table_arn], "kms": [data.fingerprint_key.key_arn]},
    )
    grant(role, permissions.RECORD, {"dynamodb": [data.findings.table_arn]})
    grant(role, permissions.STORE, {"s3": [data.results.arn_for_objects("*")]})
    grant(role, permissions.CACHE, {"s3": [data.results.arn_for_objects(f"{cache.PREFIX}*")]})
    _grant_scan(role, stack, config)
    _grant_vulnerabilities(role, stack, config)
    _grant_replacement(role, stack, config)


def _grant_scan(role: iam.Role, stack: Stack, config: Config) -> None:
    """Let it read the buckets it is to scan, and list everything of the other kinds."""
    buckets = [
        stack.format_arn(service="s3", account="", region="", resource=target.bucket)
        for target in config.scan.targets
        if isinstance(target, S3Target)
    ]
    grant(
        role,
        permissions.SOURCES["s3"],
        {"s3": buckets, "s3:GetObject": [f"{bucket}/*" for bucket in buckets]},
    )
    for kind in dict.fromkeys(t.kind for t in config.scan.targets if not isinstance(t, S3Target)):
        actions = permissions.SOURCES[kind]
        grant(role, actions, {action: ["*"] for action in actions})


def _grant_vulnerabilities(role: iam.Role, stack: Stack, config: Config) -> None:
    """Let it pull images to scan and scanners' databases, and read what AWS has found."""
    targets = config.vulnerabilities.targets
    pulled = [
        _repository_arn(stack, place.name, place.account, place.region)
        for place in config.vulnerabilities.pulled
    ]
    if pulled:
        grant(role, permissions.SIGN_IN, {})
    grant(role, permissions.PULL, {"ecr": pulled})
    scanned = [_repository_arn(stack, t.repository) for t in targets if isinstance(t, EcrFindings)]
    grant(role, permissions.ECR_FINDINGS, {"ecr": scanned})
    if any(isinstance(target, InspectorFindings) for target in targets):
        grant(role, permissions.INSPECTOR_FINDINGS, {})


def _repository_arn(
    stack: Stack, name: str, account: str | None = None, region: str | None = None
) -> str:
    return stack.format_arn(
        service="ecr", resource="repository", resource_name=name, account=account, region=region
    )


def _grant_replacement(role: iam.Role, stack: Stack, config: Config) -> None:
    resources = {
        "secretsmanager": secret_arns(stack, (secret.name for secret in config.secrets)),
        "lambda:InvokeFunction": [
            function_arn(stack, group.function_name) for group in groups(config)
        ],
    }
    grant(role, permissions.REPLACE, resources)
    grant_dependents(role, config)
    if any(secret.discover for secret in config.secrets):
        _grant_discovery(role, stack)


def _grant_discovery(role: iam.Role, stack: Stack) -> None:
    """Look at every service, function and proxy, and change none: who uses a secret is unknown."""
    services = stack.format_arn(service="ecs", resource="service", resource_name="*")
    grant(role, permissions.DISCOVER, {"ecs": [services], "rds": any_proxy(stack, "db-proxy")})
