"""What a stage costs a month while nothing runs, by what its templates hold."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from wickie.config import Config

AS_OF: Final = "us-east-1, 2026-11"
_HOURS: Final = 730
_SERVICE: Final = "AWS::ECS::Service"
_DATABASE: Final = "AWS::RDS::DBInstance"
_SMALLEST: Final = "db.t4g.micro"


def _one(_: Mapping[str, Any]) -> int:
    return 1


def _of_its_task(name: str, unit: int) -> Callable[[Mapping[str, Any]], int]:
    """Units of what a service's tasks have of it, as `_resources` lays it beside the rest."""
    return lambda service: int(service[name]) * service["DesiredCount"] // unit


def _zones(endpoint: Mapping[str, Any]) -> int:
    """Interface endpoints cost by the subnet, and gateways nothing."""
    return len(endpoint.get("SubnetIds", ()))


@dataclass(frozen=True)
class Price:
    """Of one unit of something, in cents a month; what is free of it is free for an account."""

    kind: str
    """The type of resource that it is of, where it is of one."""
    title: str
    cents: float
    source: str
    units: Callable[[Mapping[str, Any]], int] = _one
    note: str = ""


_FARGATE: Final = "https://aws.amazon.com/fargate/pricing/"
_RDS: Final = "https://aws.amazon.com/rds/postgresql/pricing/"
_CLOUDWATCH: Final = "https://aws.amazon.com/cloudwatch/pricing/"
PRICES: Final = (
    Price("AWS::KMS::Key", "KMS key", 100, "https://aws.amazon.com/kms/pricing/"),
    Price(
        "AWS::CloudWatch::Alarm",
        "alarm",
        10,
        _CLOUDWATCH,
        note="the first 10 of an account are free",
    ),
    Price(
        "AWS::CloudWatch::Dashboard",
        "dashboard",
        300,
        _CLOUDWATCH,
        note="the first 3 of an account are free",
    ),
    Price(
        "AWS::EC2::VPCEndpoint",
        "interface endpoint in a zone",
        _HOURS,
        "https://aws.amazon.com/privatelink/pricing/",
        _zones,
        f"{_HOURS} h x $0.01",
    ),
    Price(
        "AWS::EC2::NatGateway",
        "NAT gateway",
        _HOURS * 4.5,
        "https://aws.amazon.com/vpc/pricing/",
        note="and by the GB",
    ),
    Price(
        _SERVICE,
        "quarter of a vCPU, always on",
        _HOURS * 4.048 / 4,
        _FARGATE,
        _of_its_task("Cpu", 256),
    ),
    Price(
        _SERVICE,
        "half GB of memory, always on",
        _HOURS * 0.4445 / 2,
        _FARGATE,
        _of_its_task("Memory", 512),
    ),
    Price(
        _DATABASE,
        _SMALLEST,
        _HOURS * 1.6,
        _RDS,
        lambda instance: int(instance["DBInstanceClass"] == _SMALLEST),
    ),
    Price(
        _DATABASE,
        "ten GB of a database",
        115,
        _RDS,
        lambda instance: int(instance["AllocatedStorage"]) // 10,
    ),
    Price(
        "AWS::ServiceDiscovery::PrivateDnsNamespace",
        "private zone",
        50,
        "https://aws.amazon.com/route53/pricing/",
    ),
)
SECRET: Final = Price(
    "",
    "secret",
    40,
    "https://aws.amazon.com/secrets-manager/pricing/",
    note="yours, rotated or not",
)
METRIC: Final = Price(
    "", "custom metric", 30, _CLOUDWATCH, note="the first 10 of an account are free"
)
_WATCHED: Final = 3
"""Told every hour: overdue, stuck and unreadable secrets."""
Resource = tuple[str, "Mapping[str, Any]"]
"""Its type and its properties."""


def idle_cost(directory: Path, config: Config) -> str:
    """The table for people, from the templates of one synthesis. One line for each price."""
    resources = list(_resources(directory, config.stage))
    lines: list[tuple[Price, int]] = [
        (price, sum(price.units(given) for type_, given in resources if type_ == price.kind))
        for price in PRICES
    ]
    auth = 1 if config.prefect and config.prefect.server else 0
    lines += [(METRIC, _WATCHED), (SECRET, len(config.secrets) + auth)]
    counted = [(price, units) for price, units in lines if units]
    total = sum(price.cents * units for price, units in counted)
    return "\n".join(
        [
            f"Stage {config.stage}, idle, a month ({AS_OF}):",
            *(_line(price, units) for price, units in counted),
            f"  {'total':>40}  ${total / 100:.2f}",
            *_unpriced(resources),
            "  Free while idle: functions, flows, rules, queues, topic; stored reports by the GB.",
        ]
    )


def _line(price: Price, units: int) -> str:
    sum_ = f"{units} {price.title} x ${price.cents / 100:.2f}"
    note = f" ({price.note})" if price.note else ""
    return f"  {sum_:>40}  ${price.cents * units / 100:.2f}{note}  {price.source}"


def _unpriced(resources: Iterable[Resource]) -> Iterator[str]:
    for type_, given in resources:
        if type_ == _DATABASE and given["DBInstanceClass"] != _SMALLEST:
            yield f"  and a database of {given['DBInstanceClass']}, by the hour: {_RDS}"


def _resources(directory: Path, stage: str) -> Iterator[Resource]:
    for path in sorted(directory.glob(f"*-{stage}.template.json")):
        resources = json.loads(path.read_text())["Resources"]
        for resource in resources.values():
            given = resource.get("Properties", {})
            if resource["Type"] == _SERVICE:
                given = resources[given["TaskDefinition"]["Ref"]]["Properties"] | given
            yield resource["Type"], given
