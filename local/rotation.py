"""
Rotation as Secrets Manager does it: asynchronous, stopped by a failing step, retried, scheduled.

State on moto's secret: `rotation_rules` (as given), `rotating` (the token in hand) and
`rotation_due` (when the schedule asks for the next one; `next_rotation_date` is what is shown,
and stays in the past after a failure, as documented).
"""

from __future__ import annotations

import json
import math
import threading
import uuid
from typing import TYPE_CHECKING, Any

from moto.awslambda.utils import get_backend
from moto.events.models import events_backends
from moto.secretsmanager.models import ReplicaSecret, secretsmanager_backends

from local.awslambda import permits, run
from local.secret_versions import detach, stage_pending, version_with
from local.world import current
from wickie.rotation import rules as rotation_rules

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.world import World

PRINCIPAL = "secretsmanager.amazonaws.com"
STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")
RETRY_AFTER = (0.5, 1.0)
"""Seconds before the second and third attempt; AWS documents neither number nor pause."""

lock = threading.RLock()
_DAY = 86400


def rotation_function(arn: str) -> Any:
    """The Lambda function of that ARN; whatever moto raises if there is none."""
    return get_backend(arn.split(":")[4], arn.split(":")[3]).get_function(arn)


def begin(secret: Any, token: str) -> None:
    """Start a rotation whose pending version exists already."""
    secret.rotating = token
    _in_background(_rotate, current(), secret, token)


def begin_test(secret: Any, token: str) -> None:
    """Run testSecret on a pending version that holds the current value, then remove it."""
    _in_background(_test, current(), secret, token)


def abandon(secret: Any) -> None:
    """A value was put by hand while a version was pending: that version is given up."""
    detach(secret, "AWSPENDING")
    secret.rotating = None
    _emit(secret, "RotationAbandoned")


def reschedule(secret: Any) -> None:
    """Set the next window, counted from now."""
    rules = rotation_rules.read(secret.rotation_rules) if secret.rotation_enabled else None
    secret.rotation_due = secret.next_rotation_date = None
    if rules:
        now = current().clock.now()
        secret.rotation_due, end = rules.window(now)
        secret.next_rotation_date = int(end) - 1
        secret.auto_rotate_after_days = math.ceil((secret.rotation_due - now) / _DAY)


def run_schedules(world: World) -> None:
    """Rotate what is due, by the world's clock, until the world ends."""
    _in_background(_run_schedules, world)


def _run_schedules(world: World) -> None:
    while world.clock.sleep_until(world.clock.now() + 0.25, world.stopping):
        for secret in _due(world.clock.now()):
            with lock:
                secret.rotation_due = None
                token = version_with(secret, "AWSPENDING")
                if token is None or token == version_with(secret, "AWSCURRENT"):
                    token = stage_pending(secret, str(uuid.uuid4()))
                begin(secret, token)


def _due(now: float) -> Iterator[Any]:
    secret: Any
    for account in list(secretsmanager_backends.values()):
        for backend in list(account.values()):
            for secret in list(backend.secrets.values()):
                due = not isinstance(secret, ReplicaSecret) and secret.rotation_due
                if due and due <= now and not (secret.rotating or secret.is_deleted()):
                    yield secret


def _rotate(world: World, secret: Any, token: str) -> None:
    _emit(secret, "RotationStarted")
    for pause in (0.0, *RETRY_AFTER):
        if world.stopping.wait(pause):
            return
        failure = _attempt(world, secret, token)
        with lock:
            if secret.rotating != token or world.stopping.is_set():
                return
            if not failure:
                _succeed(world, secret)
                return
        _emit(secret, "RotationFailed", failure)
    with lock:
        secret.rotating = None
        shown = secret.next_rotation_date
        reschedule(secret)
        secret.next_rotation_date = shown


def _attempt(world: World, secret: Any, token: str) -> str:
    """Carry out the four steps; say what failed."""
    for step in STEPS:
        if secret.rotating != token or world.stopping.is_set():
            return ""
        if failure := _step(secret, token, step):
            return failure
    if version_with(secret, "AWSPENDING") not in (None, version_with(secret, "AWSCURRENT")):
        return "finishSecret left AWSPENDING on a version that is not AWSCURRENT"
    return ""


def _step(secret: Any, token: str, step: str) -> str:
    arn = secret.rotation_lambda_arn
    event = {
        "Step": step,
        "SecretId": secret.arn,
        "ClientRequestToken": token,
        "RotationToken": str(uuid.uuid4()),
    }
    try:
        function = rotation_function(arn)
        allowed = permits(function, PRINCIPAL, secret.account_id, secret.arn)
        failed = not allowed or run(function, event).failed
    except Exception:  # noqa: BLE001  (the function was deleted, or what else moto may raise)
        failed = True
    return f"Error when executing lambda {arn} during {step} step" if failed else ""


def _succeed(world: World, secret: Any) -> None:
    detach(secret, "AWSPENDING")
    secret.rotating = None
    secret.last_rotation_date = int(world.clock.now())
    reschedule(secret)
    _emit(secret, "RotationSucceeded")


def _test(world: World, secret: Any, token: str) -> None:
    _emit(secret, "TestRotationStarted")
    failure = _step(secret, token, "testSecret")
    if world.stopping.is_set():
        return
    with lock:
        secret.versions.pop(token, None)
    _emit(secret, "TestRotationFailed" if failure else "TestRotationSucceeded", failure)


def _emit(secret: Any, name: str, error: str = "") -> None:
    """Put the event that CloudTrail hands to EventBridge; the shape is that of its records."""
    world = current()
    detail = {
        "eventVersion": "1.08",
        "userIdentity": {"accountId": secret.account_id, "invokedBy": PRINCIPAL},
        "eventTime": world.timestamp(),
        "eventSource": PRINCIPAL,
        "eventName": name,
        "awsRegion": secret.region,
        "sourceIPAddress": PRINCIPAL,
        "userAgent": PRINCIPAL,
        "requestParameters": None,
        "responseElements": None,
        "additionalEventData": {"SecretId": secret.arn},
        "eventID": str(uuid.uuid4()),
        "eventType": "AwsServiceEvent",
        "recipientAccountId": secret.account_id,
        **({"errorMessage": error} if error else {}),
    }
    entry = {
        "Source": "aws.secretsmanager",
        "DetailType": "AWS Service Event via CloudTrail",
        "Detail": json.dumps(detail),
        "Resources": [],
    }
    events_backends[secret.account_id][secret.region].put_events([entry])


def _in_background(target: Any, *arguments: Any) -> None:
    threading.Thread(target=target, args=arguments, daemon=True).start()
