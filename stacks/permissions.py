"""Which declared permissions each role gets; the declarations stand beside the code they serve."""

from __future__ import annotations

from typing import Final

from wickie import deployment, dispatch, fingerprints, prefect, status, watch
from wickie.registration import containers, custom_resource, pusher, work_pool
from wickie.report import bus, security_hub, store
from wickie.response import ecs_rollback, throttle
from wickie.response.ecs_rollback import EcsRollback
from wickie.response.lambda_rollback import LambdaRollback
from wickie.rotation import delivery, discovery, leases, refresh, replacement, versions
from wickie.rotation.dependents.registry import KINDS
from wickie.scan import cache, ledger, places, sources
from wickie.scan.sources import s3
from wickie.vulnerabilities import imported, registries

# Rotation functions. Of the administrator's secret they read the current value, no more.
ROTATE: Final = versions.PERMISSIONS
MASTER: Final = ("secretsmanager:GetSecretValue",)
PUBLISH: Final = fingerprints.PUBLISH_PERMISSIONS
LEASE: Final = leases.PERMISSIONS
DELIVER: Final = delivery.PERMISSIONS

# Whoever reads or writes what a key of the customer's own encrypts, by way of its service.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html
SEAL: Final = (
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
)

# The function that refreshes dependents after a rotation on schedule.
REFRESH: Final = refresh.PERMISSIONS

# The function that counts secrets that need a person.
WATCH: Final = status.PERMISSIONS
HONEYTOKENS: Final = watch.HONEYTOKEN_PERMISSIONS

# What registers flows with Prefect, what starts them for Prefect Cloud, and makes its first key.
PREFECT_KEY: Final = prefect.PERMISSIONS
REGISTER: Final = custom_resource.PERMISSIONS
SUBMIT: Final = work_pool.SUBMIT_PERMISSIONS
OBSERVE: Final = work_pool.OBSERVE_PERMISSIONS
PUSHER_KEY: Final = pusher.PERMISSIONS

# What ECS puts into the container of a server that people may reach by Session Manager.
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html#ecs-exec-required-iam-permissions
EXEC: Final = (
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
)

# The function that starts flows for events.
TAKE_MESSAGES: Final = dispatch.QUEUE_PERMISSIONS

# Flows.
REPLACE: Final = replacement.PERMISSIONS
RECOGNISE: Final = fingerprints.RECOGNISE_PERMISSIONS
RECORD: Final = (*throttle.PERMISSIONS, *ledger.PERMISSIONS)
STORE: Final = store.PERMISSIONS
SECURITY_HUB: Final = security_hub.PERMISSIONS
ANNOUNCE: Final = bus.PERMISSIONS
CACHE: Final = cache.PERMISSIONS
LOAD: Final = deployment.PERMISSIONS
SWEEP: Final = containers.PERMISSIONS

ASSUME: Final = places.PERMISSIONS
VERSIONS: Final = s3.VERSION_PERMISSIONS
SOURCES: Final = {kind: sources.SOURCES[kind].permissions for kind in sources.SOURCES}
SIGN_IN: Final = registries.SIGN_IN_PERMISSIONS
PULL: Final = registries.PULL_PERMISSIONS
ECR_FINDINGS: Final = imported.ECR_PERMISSIONS
INSPECTOR_FINDINGS: Final = imported.INSPECTOR_PERMISSIONS
DISCOVER: Final = discovery.PERMISSIONS
DEPENDENTS: Final = {kind: KINDS[kind].PERMISSIONS for kind in KINDS}
ROLLBACKS: Final = {
    "ecs-service": EcsRollback.PERMISSIONS,
    "lambda-alias": LambdaRollback.PERMISSIONS,
}
PASS_ROLES: Final = ecs_rollback.PASS_PERMISSIONS
