"""
Rollbacks of vulnerable builds: at once, or as the `rollback` flow once a person approves.

That flow is a run of its own because it is suspended: no container waits for a person, and the
scan that planned it ends and reports. It is given the plan, so what was approved is what is done.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from prefect import State, flow, suspend_flow_run
from prefect.artifacts import create_table_artifact
from prefect.deployments import run_deployment
from prefect.events import emit_event
from prefect.exceptions import ObjectNotFound
from prefect.runtime import deployment, flow_run
from prefect.states import Completed

from flows.runner import artifact_key, as_task, failed, redact_logs, told_safely
from wickie.aws import Clients
from wickie.config import Config, load_config
from wickie.config.rollback import policy_for
from wickie.errors import ConfigError, Error, ResponseError
from wickie.model import to_jsonable
from wickie.response.action import Outcome, OutcomeState, Plan
from wickie.response.runner import carry_out, planned
from wickie.vulnerabilities.finding import Vulnerability

_APPROVAL: Final = "approval"


@flow(
    name="rollback",
    flow_run_name=lambda: f"rollback of {flow_run.parameters['plan'].get('target')}",
    persist_result=False,
)
def rollback(plan: dict[str, Any], config: Path = Path("wickie.yaml")) -> State[Any]:
    """
    Carry out a planned rollback; where wickie.yaml asks for approval, once the run is resumed.

    Args:
        plan: What was planned, as the scan or `wickie rollback plan` tells it.
        config: The wickie.yaml that names what may be rolled back.
    """
    redact_logs()
    try:
        with told_safely("rollback"):
            return _rollback(Plan.parse(plan), config)
    except Error as error:
        return failed(error)


def _rollback(plan: Plan, path: Path) -> State[Any]:
    policies, clients = load_config(path).vulnerabilities.rollback, Clients()
    policy = policy_for(plan, policies, clients)
    if policy.approval == "required":
        _await_approval(plan, policy.approve_within)
    outcome = carry_out(policy.action(clients), plan, as_task)
    show([outcome])
    if outcome.state is OutcomeState.DONE:
        return Completed(message=outcome.detail, data=to_jsonable(outcome))
    return failed(ResponseError(f"{outcome.target}: {outcome.detail}"))


def _await_approval(plan: Plan, within: timedelta) -> None:
    """
    End this process; a new one comes here again when the run is resumed, and goes on.

    Resumed is approved, cancelled is refused. Past its time Prefect fails the run, "paused and
    never resumed", and resumes it no more.
    """
    if not deployment.id:
        raise ConfigError("a rollback that needs approval runs by its deployment; use that")
    if flow_run.run_count <= 1:
        show([_awaiting(plan, within, str(flow_run.name))])
    suspend_flow_run(timeout=int(within.total_seconds()), key=_APPROVAL)


def roll_back(
    path: Path,
    config: Config,
    clients: Clients,
    findings: Iterable[Vulnerability],
    *,
    dry_run: bool,
) -> tuple[Outcome, ...]:
    """Do, or have approved, what these findings call for; what became of each."""
    found, outcomes = tuple(findings), []
    for policy in config.vulnerabilities.rollback:
        action = policy.action(clients, found)
        answer = planned(action, as_task)
        if isinstance(answer, Plan):
            if policy.approval == "required" and not dry_run:
                answer = _asked(path, config.stage, answer, policy.approve_within)
            else:
                answer = carry_out(action, answer, as_task, dry_run=dry_run)
        if answer:
            outcomes.append(answer)
    show(outcomes)
    return tuple(outcomes)


def _asked(path: Path, stage: str, plan: Plan, within: timedelta) -> Outcome:
    """Start the run that a person is to resume."""
    deployment_name = f"rollback/{stage}"
    try:
        run: Any = run_deployment(
            deployment_name,
            parameters={"plan": to_jsonable(plan), "config": str(path)},
            timeout=0,
            as_subflow=False,
            idempotency_key=f"{flow_run.id} {plan.target}",
        )
    except ObjectNotFound:
        why = f"nobody can be asked: no deployment {deployment_name}; run prefect deploy --all"
        return Outcome(plan.target, OutcomeState.FAILED, why, plan)
    return _awaiting(plan, within, run.name)


def _awaiting(plan: Plan, within: timedelta, run: str) -> Outcome:
    until = datetime.now(UTC) + within
    detail = (
        f"{plan.summary}: resume the flow run {run!r} to approve it, cancel it to refuse; after "
        f"{until:%Y-%m-%d %H:%M} UTC nothing is done"
    )
    return Outcome(plan.target, OutcomeState.AWAITS_APPROVAL, detail, plan)


def show(outcomes: Sequence[Outcome]) -> None:
    """Put outcomes where people look at the run, and where automations notify of them."""
    for each in outcomes:
        emit_event(
            f"wickie.rollback.{each.state.lower()}",
            resource={"prefect.resource.id": f"wickie.rollback.{each.target}"},
            payload={"detail": each.detail},
        )
    if outcomes:
        create_table_artifact(key=artifact_key("rollback"), table=[_row(each) for each in outcomes])


def _row(outcome: Outcome) -> dict[str, Any]:
    return {
        "target": outcome.target,
        "rollback": outcome.state.value,
        "what": outcome.detail,
        "why": outcome.plan.reason if outcome.plan else "",
        "steps": ", ".join(f"{entry.step} {entry.at:%H:%M:%S}" for entry in outcome.timeline),
    }
