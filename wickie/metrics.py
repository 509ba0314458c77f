"""
Log lines that CloudWatch reads as metrics too: the embedded metric format.

Written here and not with aws-lambda-powertools: a rotation function starts cold nearly every
time, and that library's logger and metrics would cost it 40 ms of CPU and 100 kB of zip.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from wickie.model import RepairState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

NAMESPACE: Final = "wickie"

DURATION: Final = "Duration"
"""Milliseconds of one step or action, by stage, engine and step."""
FAILURES: Final = "Failures"
"""1 for a step or action that failed, else 0: by stage, and by stage and reason."""
OVERDUE: Final = "SecretsOverdue"
"""Secrets whose next rotation lies in the past, by stage."""
STUCK: Final = "SecretsStuck"
"""Secrets with a rotation that does not end, by stage."""
REPAIRS: Final = "Repairs"
"""1 for a stuck rotation that a repair has ended, by stage."""
HONEYTOKENS_USED: Final = "HoneytokensUsed"
"""Honeytokens that somebody used, by stage."""
UNREADABLE: Final = "SecretsUnreadable"
"""Secrets that could not be asked about, by stage."""


_ENDED: Final = (RepairState.FINISHED, RepairState.CANCELLED, RepairState.RESTORED)


@dataclass(frozen=True)
class Metric:
    """One number, and the sets of dimensions that CloudWatch is to keep it by."""

    name: str
    value: float
    unit: str = "Count"
    by: tuple[tuple[str, ...], ...] = (("stage",),)


def embedded(metrics: tuple[Metric, ...], fields: Mapping[str, Any]) -> str:
    """Write one log line; `fields` holds every dimension that a metric is kept by."""
    directives = [
        {
            "Namespace": NAMESPACE,
            "Dimensions": [list(names) for names in metric.by],
            "Metrics": [{"Name": metric.name, "Unit": metric.unit}],
        }
        for metric in metrics
    ]
    about = {"Timestamp": time.time_ns() // 1_000_000, "CloudWatchMetrics": directives}
    values = {metric.name: metric.value for metric in metrics}
    return json.dumps({**fields, **values, "_aws": about})


@dataclass
class Invocation:
    """What a rotation function says of one invocation: of errors their kind, never their text."""

    stage: str
    engine: str
    event: Mapping[str, str]
    log: Callable[[str], object]
    """Writes a line to stdout as it is: a logger of Lambda's puts words before it."""
    clock: Callable[[], float] = field(default=time.monotonic, repr=False)

    def told(self, act: Callable[[], dict[str, str] | None]) -> dict[str, str] | None:
        """Write the line when `act` ends, however it ends; return what it returns."""
        started, reason, answer = self.clock(), "", None
        try:
            answer = act()
        except Exception as error:  # whatever a driver raises too: it is counted, and goes on
            reason = type(error).__name__
            raise
        finally:
            state = (answer or {}).get("state", "")
            self.log(self._line((self.clock() - started) * 1000, reason, state))
        return answer

    def _line(self, milliseconds: float, reason: str, state: str) -> str:
        shown = {name: self.event[name] for name in ("SecretId", "VersionId") if name in self.event}
        fields = {
            "stage": self.stage,
            "engine": self.engine,
            "step": self.event.get("Step") or self.event.get("Action") or "unknown",
            "version": self.event.get("ClientRequestToken"),
            **shown,
            **({"reason": reason} if reason else {}),
            **({"state": state} if state else {}),
        }
        kept = (("stage",), ("stage", "reason")) if reason else (("stage",),)
        duration = Metric(
            DURATION, round(milliseconds), "Milliseconds", (("stage", "engine", "step"),)
        )
        metrics: tuple[Metric, ...] = (duration, Metric(FAILURES, int(bool(reason)), by=kept))
        if state in _ENDED and self.event.get("DryRun") != "true":
            metrics = (*metrics, Metric(REPAIRS, 1))
        return embedded(metrics, fields)
