"""A run as the nightly scan leaves it: a leak met and ended, a finding besides, and a gap."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from wickie.model import (
    DependentOutcome,
    DependentState,
    Finding,
    Gap,
    Location,
    ManagedVersion,
    RotationOutcome,
    RotationState,
    ScanResult,
    Severity,
    Stage,
    TimelineEntry,
    Verdict,
)
from wickie.report import Report

ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:shop/orders-AbCdEf"
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
OLD, NEW = "4f9d2c1e-0000-4a54-b3c2-000000000001", "9a8b7c6d-0000-4a54-b3c2-000000000002"

LEAK = Finding(
    id="leak-1",
    rule_id="wickie.managed-secret",
    title="Managed secret shop/orders",
    severity=Severity.CRITICAL,
    location=Location("s3://shop-logs/app.log", 42),
    source="s3",
    managed=ManagedVersion(ARN, OLD, Stage.CURRENT, "base64"),
    verdict=Verdict.LIVE,
    first_seen=NOON,
    last_seen=NOON,
)
TOKEN = Finding(
    id="token-1",
    rule_id="generic.token",
    title="Generic token",
    severity=Severity.MEDIUM,
    location=Location("src/settings.py", 7),
    source="directory",
    first_seen=NOON - timedelta(days=30),
    last_seen=NOON,
)
STEPS = ("asked", "preflight", "start", "wait", "verify new", "retire old", "prove old dead")
ROTATED = RotationOutcome(
    secret="shop/orders",
    state=RotationState.ROTATED,
    reason="leak",
    strategy="alternating-users",
    from_version=OLD,
    to_version=NEW,
    old_credential=Verdict.DEAD,
    new_credential=Verdict.LIVE,
    dependents=(DependentOutcome("ECS service shop/web", DependentState.REFRESHED),),
    timeline=tuple(
        TimelineEntry(step, NOON + timedelta(seconds=number + 1))
        for number, step in enumerate(STEPS)
    ),
    seconds=6.0,
)
SCAN = ScanResult(
    run_id="nightly-1",
    started=NOON - timedelta(seconds=10),
    finished=NOON,
    bytes_scanned=123_456_789,
    artifacts=4211,
    findings=(TOKEN, LEAK),
    gaps=(Gap("s3://locked", "AccessDenied on ListObjectsV2"),),
)


@pytest.fixture
def leak() -> Finding:
    return LEAK


@pytest.fixture
def token() -> Finding:
    return TOKEN


@pytest.fixture
def rotated() -> RotationOutcome:
    return ROTATED


@pytest.fixture
def report() -> Report:
    return Report("prod", SCAN, (ROTATED,), created=NOON)


@pytest.fixture
def scanned() -> Callable[..., Report]:
    """Makes the report of a scan with exactly these findings (and other changes)."""

    def make(*findings: Finding, **changes: Any) -> Report:
        return Report("prod", replace(SCAN, findings=findings, **{"gaps": (), **changes}))

    return make
