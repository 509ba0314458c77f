"""Where a report goes besides the results bucket, if wickie.yaml says so."""

from __future__ import annotations

from typing import Any, Final

from prefect import State
from prefect.logging import get_run_logger

from flows.runner import failed, step, told_safely
from wickie.aws import Clients
from wickie.config import Config
from wickie.errors import Error
from wickie.report.record import Report
from wickie.report.security_hub import send
from wickie.report.vulnerabilities import VulnerabilityReport

_NAMED: Final = 3
"""Refusals that the run's message quotes; its log has them all."""


def delivered(
    state: State[Any], config: Config, clients: Clients, report: Report | VulnerabilityReport
) -> State[Any]:
    """Send the report; the state to end in, which is failed where not all of it was taken."""
    try:
        if config.report.security_hub:
            _to_security_hub(clients, report)
    except Error as error:
        return state if state.is_failed() else failed(error)
    return state


def _to_security_hub(clients: Clients, report: Report | VulnerabilityReport) -> None:
    with told_safely("delivery to Security Hub"):
        delivery = step("send to Security Hub", lambda: send(clients, report))
    for refusal in delivery.refused:
        get_run_logger().warning("Security Hub refused %s: %s", refusal.id, refusal.reason)
    if refused := delivery.refused:
        named = "; ".join(f"{each.id}: {each.reason}" for each in refused[:_NAMED])
        of = len(refused) + delivery.sent
        raise Error(f"Security Hub refused {len(refused)} of {of} findings: {named}")
