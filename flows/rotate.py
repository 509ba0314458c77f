"""The `rotate` flow: one secret gets a new value, and on a leak the old one is proven dead."""

from __future__ import annotations

import re
from dataclasses import replace as changed
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from prefect import State, flow
from prefect.runtime import flow_run
from prefect.states import Completed

from flows.runner import as_task, failed, redact_logs, told_safely
from wickie.aws import Clients
from wickie.config import Config, load_config
from wickie.deployment import Deployment
from wickie.errors import Error, RotationError
from wickie.model import RotationOutcome, RotationState, Stage
from wickie.response.throttle import Admission, Throttle
from wickie.rotation.dependents.registry import open_dependent
from wickie.rotation.discovery import warnings
from wickie.rotation.remote import RemoteSecret
from wickie.rotation.replacement import ReplacementRequest, replace

Reason = Literal["requested", "leak"]


class NotRotatedError(RotationError):
    """The flow did not do what was asked; `outcome` tells what it did."""

    def __init__(self, outcome: RotationOutcome) -> None:
        super().__init__(outcome.error or f"{outcome.secret}: {outcome.state.value}")
        self.outcome = outcome


def run_name(secret: str) -> str:
    """Named by the secret's name; an ARN would be long, and rich draws an emoji for `:secret:`."""
    return "rotate " + re.sub(r"^arn:.*:secret:(.*)-.{6}$", r"\1", secret)


# A sync flow spends its last second on the end of its heartbeat (PrefectHQ/prefect, flow_engine
# `_send_heartbeats`). It does so after the body, when the old value is dead already, so a leak
# response does not wait for it; an async flow would save that second and gain an event loop.
@flow(
    name="rotate",
    flow_run_name=lambda: run_name(str(flow_run.parameters["secret"])),
    persist_result=False,
)
def rotate(
    secret: str,
    config: Path = Path("wickie.yaml"),
    reason: Reason = "requested",
    version: str | None = None,
) -> State[RotationOutcome]:
    """
    Replace the value of a secret, refresh what uses it, and see what became of the old one.

    Args:
        secret: Name or ARN of the secret.
        config: The wickie.yaml that says who depends on it.
        reason: `leak` retires the old value and proves it dead; it is debounced and capped.
        version: On a leak, the version that was seen; by default the one in use.
    """
    redact_logs()
    try:
        with told_safely(f"rotation of {secret}"):
            return _ended(settled(_rotate(load_config(config), secret, reason, version)))
    except Error as error:
        return failed(error)


def outcome_of(state: State[Any]) -> RotationOutcome | None:
    """What a `rotate` run did, if it came so far as to have an outcome."""
    data = state.result(raise_on_failure=False)
    if isinstance(data, NotRotatedError):
        return data.outcome
    return data if isinstance(data, RotationOutcome) else None


def _rotate(config: Config, secret: str, reason: Reason, version: str | None) -> RotationOutcome:
    clients = Clients()
    if reason == "requested":
        return _replace(config, clients, secret, reason, version)
    deployed = Deployment.load(clients.ssm, config.stage)
    return respond(config, clients, deployed.findings_table, secret, version)


def respond(
    config: Config, clients: Clients, findings_table: str, secret: str, version: str | None
) -> RotationOutcome:
    """Answer a leak as `rotate` does, within the flow run that is under way."""
    limits = config.response
    throttle = Throttle(
        clients.dynamodb, findings_table, limits.debounce, limits.max_rotations_per_hour
    )
    claim = f"{flow_run.id} {version or ''}"  # the same when Prefect runs it again
    refusal = as_task("throttle", lambda: _refusal(throttle, clients, secret, version, claim))
    return refusal or _replace(config, clients, secret, "leak", version)


def _replace(
    config: Config, clients: Clients, secret: str, reason: Reason, version: str | None
) -> RotationOutcome:
    managed = config.secret(secret)
    declared = managed.declared() if managed else []
    request = ReplacementRequest(
        secret=secret,
        reason=reason,
        leaked_version=version,
        dependents=tuple(open_dependent(secret, entry, clients) for entry in declared),
    )
    outcome = replace(request, clients, as_task)
    if managed and managed.discover:
        # Afterwards: no leaked value lives longer for it.
        found = as_task("discover dependents", lambda: warnings(clients, secret, declared))
        outcome = changed(outcome, warnings=found)
    return outcome


def _refusal(
    throttle: Throttle, clients: Clients, secret: str, version: str | None, claim: str
) -> RotationOutcome | None:
    """An outcome if the loop may not rotate now. To retire a superseded version it always may."""
    found = RemoteSecret.describe(clients, secret)
    leaked = version or found.current()
    if found.stage_of(leaked) not in (Stage.CURRENT, Stage.PENDING):
        return None
    admission = throttle.admit(found.arn, datetime.now(UTC), claim)
    if admission is Admission.ADMITTED:
        return None
    why = {
        Admission.DEBOUNCED: f"{found.name} was rotated for a leak moments ago",
        Admission.CAPPED: f"{found.name} leaked, and {throttle.per_hour} rotations were done in "
        f"the last hour: rotate it by hand, or raise response.max_rotations_per_hour",
    }
    return RotationOutcome(
        secret=found.name,
        state=RotationState(admission.value),
        reason="leak",
        from_version=leaked,
        error=why[admission],
    )


def settled(outcome: RotationOutcome) -> RotationOutcome:
    """The outcome, if nothing is left to do. Raises `NotRotatedError` otherwise."""
    if outcome.state in (RotationState.ROTATED, RotationState.DEBOUNCED):
        return outcome
    raise NotRotatedError(outcome)


def _ended(outcome: RotationOutcome) -> State[RotationOutcome]:
    detail = f"old {outcome.old_credential.value}, new {outcome.new_credential.value}"
    return Completed(message=outcome.error or f"{outcome.secret}: {detail}", data=outcome)
