"""What flows may do: scan what wickie.yaml lists, replace the secrets it lists, report."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from aws_cdk import Stack
from aws_cdk import aws_iam as iam

from stacks import permissions
from stacks.constructs.dependent_grants import any_proxy, grant_dependents
from stacks.constructs.grants import grant
from stacks.constructs.names import function_arn, parameter_arn, secret_arns
from stacks.constructs.rotation_function import groups
from wickie.config.targets import S3Target
from wickie.config.vulnerabilities import EcrFindings, InspectorFindings
from wickie.deployment import Deployment, parameter_name
from wickie.scan import cache
from wickie.scan.sources import ssm_parameter

if TYPE_CHECKING:
    from collections.abc import Iterable

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
    if config.report.security_hub:
        product = stack.format_arn(
            service="securityhub", resource="product", resource_name=f"{stack.account}/default"
        )
        grant(role, permissions.SECURITY_HUB, {"securityhub": [product]})
    _grant_scan(role, stack, config)
    _grant_vulnerabilities(role, stack, config)
    _grant_replacement(role, stack, config)


def _grant_scan(role: iam.Role, stack: Stack, config: Config) -> None:
    """
    Let it read the buckets it is to scan, and list everything of the other kinds.

    What is in other accounts, the roles there have to allow.
    """
    grant(role, permissions.ASSUME, {"sts": [account.role for account in config.scan.accounts]})
    own = [t for t in config.scan.targets if isinstance(t, S3Target) and not t.account]
    versioned = [target for target in own if target.versions]
    grant(role, permissions.SOURCES["s3"], _objects(stack, own, "s3:GetObject"))
    grant(role, permissions.VERSIONS, _objects(stack, versioned, "s3:GetObjectVersion"))
    for kind in dict.fromkeys(t.kind for t in config.scan.targets if not isinstance(t, S3Target)):
        actions = permissions.SOURCES[kind]
        grant(role, actions, {action: ["*"] for action in actions})
    if any(target.kind == ssm_parameter.KIND for target in config.scan.targets):
        role.add_to_principal_policy(_no_secure_strings())


def _no_secure_strings() -> iam.PolicyStatement:
    """Who may get parameters may otherwise get SecureStrings too: the key aws/ssm allows it."""
    # https://docs.aws.amazon.com/systems-manager/latest/userguide/services-kms-parameter-store.html
    return iam.PolicyStatement(
        effect=iam.Effect.DENY,
        actions=["kms:Decrypt"],
        resources=["*"],
        conditions={"StringLike": {"kms:ViaService": "ssm.*"}},
    )


def _objects(stack: Stack, targets: Iterable[S3Target], read: str) -> dict[str, list[str]]:
    """Their buckets, and for the action that reads them the objects in these."""
    buckets = [
        stack.format_arn(service="s3", account="", region="", resource=name)
        for name in dict.fromkeys(target.bucket for target in targets)
    ]
    return {"s3": buckets, read: [f"{bucket}/*" for bucket in buckets]}


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
