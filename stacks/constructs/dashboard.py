"""The dashboard of a stage: what rotates, how long it takes, and what needs a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

from wickie.metrics import DURATION, FAILURES, NAMESPACE, OVERDUE, STUCK, UNREADABLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from constructs import Construct

_WIDTH = 12


def rotation_dashboard(scope: Construct, stage: str, alarms: Sequence[cloudwatch.IAlarm]) -> None:
    """Draw the alarms, and beneath them what the rotation functions say of themselves."""
    dashboard = cloudwatch.Dashboard(scope, "Dashboard", dashboard_name=f"wickie-{stage}")
    dashboard.add_widgets(
        cloudwatch.AlarmStatusWidget(alarms=list(alarms), title="Alarms", width=2 * _WIDTH)
    )
    dashboard.add_widgets(
        cloudwatch.GraphWidget(
            title="Duration of a step, p90",
            left=[_search("engine,stage,step", DURATION, stage, "p90")],
            width=_WIDTH,
        ),
        cloudwatch.GraphWidget(
            title="Failures by reason",
            left=[_search("reason,stage", FAILURES, stage, "Sum")],
            stacked=True,
            width=_WIDTH,
        ),
    )
    dashboard.add_widgets(
        cloudwatch.GraphWidget(
            title="Secrets that need a person",
            left=[
                cloudwatch.Metric(
                    namespace=NAMESPACE,
                    metric_name=name,
                    dimensions_map={"stage": stage},
                    statistic="Maximum",
                    period=Duration.hours(1),
                )
                for name in (OVERDUE, STUCK, UNREADABLE)
            ],
            width=2 * _WIDTH,
        )
    )


def _search(dimensions: str, metric: str, stage: str, statistic: str) -> cloudwatch.MathExpression:
    """Every engine, step or reason there is: which ones come up is not known beforehand."""
    schema = f"{{{NAMESPACE},{dimensions}}}"
    return cloudwatch.MathExpression(
        expression=f"SEARCH('{schema} MetricName=\"{metric}\" stage=\"{stage}\"', '{statistic}')",
        using_metrics={},
        label="",
        period=Duration.minutes(5),
    )
