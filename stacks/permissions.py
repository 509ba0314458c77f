"""Which declared permissions each role gets; the declarations stand beside the code they serve."""

from __future__ import annotations

from typing import Final

from wickie import deployment, fingerprints, prefect, status
from wickie.registration import containers, custom_resource, pusher, work_pool
from wickie.report import store
from wickie.response import throttle
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

# The function that refreshes dependents after a rotation on schedule.
REFRESH: Final = refresh.PERMISSIONS

# The function that counts secrets that need a person.
WATCH: Final = status.PERMISSIONS

# What registers flows with Prefect, what starts them for Prefect Cloud, and makes its first key.
PREFECT_KEY: Final = prefect.PERMISSIONS
REGISTER: Final = custom_resource.PERMISSIONS
SUBMIT: Final = work_pool.SUBMIT_PERMISSIONS
PUSHER_KEY: Final = pusher.PERMISSIONS

# Flows.
REPLACE: Final = replacement.PERMISSIONS
RECOGNISE: Final = fingerprints.RECOGNISE_PERMISSIONS
RECORD: Final = (*throttle.PERMISSIONS, *ledger.PERMISSIONS)
STORE: Final = store.PERMISSIONS
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
