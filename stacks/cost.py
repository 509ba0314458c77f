"""What a stage costs a month while nothing runs, by what its templates hold."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from wickie.config import Config

AS_OF: Final = "us-east-1, 2026-11"
_HOURS: Final = 730


def _one(_: Mapping[str, Any]) -> int:
    return 1


def _zones(endpoint: Mapping[str, Any]) -> int:
    """Interface endpoints cost by the subnet, and gateways nothing."""
    return len(endpoint.get("SubnetIds", ()))


@dataclass(frozen=True)
class Price:
    """Of one unit of something, in cents a month; what is free of it is free for an account."""

    title: str
    cents: float
    source: str
    units: Callable[[Mapping[str, Any]], int] = _one
    note: str = ""


PRICES: Final[Mapping[str, Price]] = {
    "AWS::KMS::Key": Price("KMS key", 100, "https://aws.amazon.com/kms/pricing/"),
    "AWS::CloudWatch::Alarm": Price(
        "alarm",
        10,
        "https://aws.amazon.com/cloudwatch/pricing/",
        note="the first 10 of an account are free",
    ),
    "AWS::CloudWatch::Dashboard": Price(
        "dashboard",
        300,
        "https://aws.amazon.com/cloudwatch/pricing/",
        note="the first 3 of an account are free",
    ),
    "AWS::EC2::VPCEndpoint": Price(
        "interface endpoint in a zone",
        _HOURS,
        "https://aws.amazon.com/privatelink/pricing/",
        _zones,
        f"{_HOURS} h x $0.01",
    ),
    "AWS::EC2::NatGateway": Price(
        "NAT gateway", _HOURS * 4.5, "https://aws.amazon.com/vpc/pricing/", note="and by the GB"
    ),
}
SECRET: Final = Price(
    "secret",
    40,
    "https://aws.amazon.com/secrets-manager/pricing/",
    note="yours, rotated or not",
)
METRIC: Final = Price(
    "custom metric",
    30,
    "https://aws.amazon.com/cloudwatch/pricing/",
    note="the first 10 of an account are free",
)
_WATCHED: Final = 3
"""Told every hour: overdue, stuck and unreadable secrets."""
UNPRICED: Final = (
    "AWS::ECS::Service",
    "AWS::RDS::DBInstance",
    "AWS::RDS::DBCluster",
    "AWS::ElasticLoadBalancingV2::LoadBalancer",
)
"""What costs while idle, by sizes that are not looked at here."""


def idle_cost(directory: Path, config: Config) -> str:
    """The table for people, from the templates of one synthesis. One line for each price."""
    resources = list(_resources(directory, config.stage))
    lines: list[tuple[Price, int]] = [
        (price, sum(price.units(properties) for type_, properties in resources if type_ == kind))
        for kind, price in PRICES.items()
    ]
    lines += [(METRIC, _WATCHED), (SECRET, len(config.secrets))]
    counted = [(price, units) for price, units in lines if units]
    total = sum(price.cents * units for price, units in counted)
    return "\n".join(
        [
            f"Stage {config.stage}, idle, a month ({AS_OF}):",
            *(_line(price, units) for price, units in counted),
            f"  {'total':>40}  ${total / 100:.2f}",
            *_unpriced(type_ for type_, _ in resources),
            "  Free while idle: functions, flows, rules, queues, topic; stored reports by the GB.",
        ]
    )


def _line(price: Price, units: int) -> str:
    sum_ = f"{units} {price.title} x ${price.cents / 100:.2f}"
    note = f" ({price.note})" if price.note else ""
    return f"  {sum_:>40}  ${price.cents * units / 100:.2f}{note}  {price.source}"


def _unpriced(types: Iterable[str]) -> Iterator[str]:
    for type_, count in Counter(types).items():
        if type_ in UNPRICED:
            yield f"  and {count} {type_}, by its size: see its page of prices"


def _resources(directory: Path, stage: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for path in sorted(directory.glob(f"*-{stage}.template.json")):
        for resource in json.loads(path.read_text())["Resources"].values():
            yield resource["Type"], resource.get("Properties", {})
