"""
What secrets an account has, and what AWS lets be seen of each. No value is read.

What honours a secret is guessed by what names it: a database whose identifier or host stands in the
secret's name, description or tags; else an engine that is named there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from wickie.asking import asking
from wickie.errors import Error
from wickie.model import Gap
from wickie.rotation import discovery

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from wickie.aws import Clients

PERMISSIONS: Final = (
    "secretsmanager:ListSecrets",
    "rds:DescribeDBClusters",
    "rds:DescribeDBInstances",
    "elasticache:DescribeUsers",
    "memorydb:DescribeUsers",
    *discovery.PERMISSIONS,
)
_WORDS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("postgres", "postgresql"), "postgres"),
    **dict.fromkeys(("mongo", "mongodb", "docdb", "documentdb"), "mongodb"),
    **dict.fromkeys(("sqlserver", "mssql"), "sqlserver"),
    **{name: name for name in ("mysql", "mariadb", "oracle", "redshift", "redis", "valkey")},
    **{name: name for name in ("elasticache", "memorydb", "ssh-key", "ses-smtp", "iam-access-key")},
}
_OF_RDS: Final[Mapping[str, str]] = {
    "postgres": "postgres",
    "aurora-postgresql": "postgres",
    "docdb": "mongodb",
    "mysql": "mysql",
    "aurora-mysql": "mysql",
    "aurora": "mysql",
    "mariadb": "mariadb",
}
_FAMILIES: Final = ("oracle", "sqlserver")  # RDS appends an edition


@dataclass(frozen=True)
class System:
    """Something that may honour a secret."""

    engine: str
    title: str
    names: tuple[str, ...]
    """By which a secret may name it."""
    options: Mapping[str, str] = field(default_factory=dict)
    private: bool = False
    """Whether it has no public address."""
    network: Mapping[str, Any] = field(default_factory=dict)
    """Where it is, as wickie.yaml says it."""

    def named_in(self, texts: Iterable[str]) -> bool:
        """Whether one of its names stands there, and not as part of another."""
        pattern = "|".join(rf"(?<![\w-]){re.escape(name)}(?![\w-])" for name in self.names)
        return any(re.search(pattern, text) for text in texts)


@dataclass(frozen=True)
class FoundSecret:
    """A secret as ListSecrets tells of it, and what is guessed of it."""

    name: str
    arn: str
    owner: str | None
    """The service that manages it."""
    primary_region: str | None
    """Where it is rotated, if it is a replica here."""
    key: str | None
    function: str | None
    """That rotates it already."""
    rules: Mapping[str, Any]
    engines: tuple[str, ...]
    """That may honour it, by the words that name them; one at most where a system is known."""
    system: System | None
    dependents: tuple[Mapping[str, str], ...] = ()


@dataclass(frozen=True)
class Inventory:
    """The secrets of an account's region, and what could not be looked at."""

    secrets: tuple[FoundSecret, ...]
    gaps: tuple[Gap, ...]


def take_inventory(clients: Clients) -> Inventory:
    """Look. Raises where secrets cannot be listed; whatever else cannot be looked at is a gap."""
    with asking("the list of secrets"):
        pages = clients.secrets_manager.get_paginator("list_secrets").paginate()
        listed = [secret for page in pages for secret in page["SecretList"]]
    systems: list[System] = []
    gaps: list[Gap] = []
    for place, look in _PLACES.items():
        try:
            with asking(place):
                systems += look(clients)
        except Error as error:
            gaps.append(Gap(place, str(error)))
    found = discovery.discover(clients, [secret["ARN"] for secret in listed])
    users = {
        secret["ARN"]: tuple(use.entry for use in found.uses if use.secret == secret["ARN"])
        for secret in listed
    }
    secrets = [_found(secret, systems, users[secret["ARN"]], clients.region) for secret in listed]
    return Inventory(tuple(sorted(secrets, key=lambda s: s.name)), (*gaps, *found.gaps))


def _found(
    secret: Any, systems: Iterable[System], users: tuple[Mapping[str, str], ...], region: str
) -> FoundSecret:
    tags = {tag["Key"]: tag["Value"] for tag in secret.get("Tags", ())}
    texts = [secret["Name"], secret.get("Description", ""), *tags.values()]
    named = [system for system in systems if system.named_in(texts)]
    primary = secret.get("PrimaryRegion")
    return FoundSecret(
        name=secret["Name"],
        arn=secret["ARN"],
        owner=secret.get("OwningService"),
        primary_region=primary if primary != region else None,
        key=secret.get("KmsKeyId"),
        function=secret.get("RotationLambdaARN") if secret.get("RotationEnabled") else None,
        rules=secret.get("RotationRules", {}) if secret.get("RotationEnabled") else {},
        engines=(named[0].engine,) if len(named) == 1 else tuple(_engines(texts)),
        system=named[0] if len(named) == 1 else None,
        dependents=users,
    )


def _engines(texts: Iterable[str]) -> Iterable[str]:
    """Engines that words there name, each once."""
    text = " ".join(texts).lower()
    words = (name for word, name in _WORDS.items() if re.search(rf"(?<![a-z0-9]){word}", text))
    return dict.fromkeys(words)


def _databases(clients: Clients) -> Iterator[System]:
    for page in clients.rds.get_paginator("describe_db_instances").paginate():
        for one in page["DBInstances"]:
            if engine := _engine_of(one["Engine"]):
                name, host = one["DBInstanceIdentifier"], one.get("Endpoint", {}).get("Address")
                yield System(
                    engine,
                    f"RDS instance {name}",
                    tuple(filter(None, (name, host))),
                    private=not one.get("PubliclyAccessible", False),
                    network=_network(one),
                )


def _network(instance: Any) -> Mapping[str, Any]:
    group = instance.get("DBSubnetGroup", {})
    groups = [one["VpcSecurityGroupId"] for one in instance.get("VpcSecurityGroups", ())]
    subnets = [one["SubnetIdentifier"] for one in group.get("Subnets", ())]
    if not (group.get("VpcId") and groups and subnets):
        return {}
    return {"vpc_id": group["VpcId"], "subnets": subnets, "security_groups": groups}


def _clusters(clients: Clients) -> Iterator[System]:
    for page in clients.rds.get_paginator("describe_db_clusters").paginate():
        for one in page["DBClusters"]:
            if engine := _engine_of(one["Engine"]):
                name = one["DBClusterIdentifier"]
                hosts = (one.get("Endpoint"), one.get("ReaderEndpoint"))
                yield System(engine, f"RDS cluster {name}", tuple(filter(None, (name, *hosts))))


def _engine_of(rds: str) -> str | None:
    return _OF_RDS.get(rds) or next((name for name in _FAMILIES if rds.startswith(name)), None)


def _cache_users(clients: Clients) -> Iterator[System]:
    for page in clients.elasticache.get_paginator("describe_users").paginate():
        for one in page["Users"]:
            yield _user("elasticache", "ElastiCache", one["UserId"])


def _memory_users(clients: Clients) -> Iterator[System]:
    for page in clients.memorydb.get_paginator("describe_users").paginate():
        for one in page["Users"]:
            yield _user("memorydb", "MemoryDB", one["Name"])


def _user(engine: str, service: str, name: str) -> System:
    return System(engine, f"{service} user {name}", (name,), {"user": name}, private=True)


_PLACES: Final[Mapping[str, Callable[[Clients], Iterator[System]]]] = {
    "RDS instances": _databases,
    "RDS clusters": _clusters,
    "ElastiCache users": _cache_users,
    "MemoryDB users": _memory_users,
}
