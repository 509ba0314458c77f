"""
Who uses a managed secret, as far as ECS, Lambda and RDS Proxy let it be seen.

Looked at are the places where AWS keeps references to secrets. A program that asks Secrets
Manager of its own accord leaves none: that nobody is found does not mean that there is nobody.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from wickie.asking import asking
from wickie.errors import Error
from wickie.model import Gap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from wickie.aws import Clients

    Entry = Mapping[str, str]

PERMISSIONS: Final = (
    "ecs:DescribeServices",
    "ecs:DescribeTaskDefinition",
    "ecs:ListClusters",
    "ecs:ListServices",
    "lambda:ListFunctions",
    "rds:DescribeDBProxies",
)
_AT_ONCE: Final = 10  # services that DescribeServices takes


@dataclass(frozen=True)
class Use:
    """That something which wickie.yaml could declare refers to a secret."""

    secret: str
    """Its ARN."""
    entry: Entry
    """What would declare it: `kind` and options."""


@dataclass(frozen=True)
class Discovery:
    """What was found, and what could not be looked at."""

    uses: tuple[Use, ...] = ()
    gaps: tuple[Gap, ...] = ()


@dataclass(frozen=True)
class _Thing:
    """Something that may use secrets. What its settings hold may be one, so it is not shown."""

    entry: Entry
    references: Sequence[str] = field(repr=False)
    """Texts that may hold the ARN of a secret."""
    names: Sequence[str] = field(default=(), repr=False)
    """Texts that may be the name of a secret."""


def discover(clients: Clients, arns: Iterable[str]) -> Discovery:
    """Look for users of the secrets of these ARNs. What cannot be looked at is a gap."""
    secrets = [_Secret.of(arn) for arn in arns]
    uses: list[Use] = []
    gaps: list[Gap] = []
    for place, things in _PLACES.items():
        try:
            with asking(place):
                for thing in things(clients):
                    if isinstance(thing, Gap):
                        gaps.append(thing)
                    else:
                        uses += (Use(s.arn, thing.entry) for s in secrets if s.used_by(thing))
        except Error as error:
            gaps.append(Gap(place, str(error)))
    return Discovery(tuple(uses), tuple(gaps))


def identity(entry: Mapping[str, Any]) -> tuple[str, ...]:
    """What an entry and another mean the same thing by, however each names it."""
    kind = entry["kind"]
    if kind == "ecs-service":
        return kind, *(entry[key].rpartition("/")[2] for key in ("cluster", "service"))
    if kind == "lambda":
        parts = entry["function"].split(":")
        return kind, parts[6] if parts[0] == "arn" else parts[0]
    return kind, *(str(entry[key]) for key in sorted(entry) if key in ("proxy", "url", "block"))


def arn_of(clients: Clients, secret: str) -> str:
    """The ARN of a secret that is named by its name. Raises `NotFoundError`."""
    with asking(f"secret {secret}"):
        return clients.secrets_manager.describe_secret(SecretId=secret)["ARN"]


def undeclared(clients: Clients, secret: str, declared: Iterable[Mapping[str, Any]]) -> Discovery:
    """Users of `secret`, a name or an ARN, that wickie.yaml does not declare."""
    found = discover(clients, [arn_of(clients, secret)])
    known = {identity(entry) for entry in declared}
    return replace(found, uses=tuple(u for u in found.uses if identity(u.entry) not in known))


def warnings(
    clients: Clients, secret: str, declared: Iterable[Mapping[str, Any]]
) -> tuple[str, ...]:
    """Say in a line each who else uses `secret`, and what could not be looked at."""
    try:
        found = undeclared(clients, secret, declared)
    except Error as error:
        return (f"who else uses it is not known: {error}",)
    return (
        *(
            f"{' '.join(use.entry.values())} uses it and was not refreshed; add it to dependents "
            f"in wickie.yaml"
            for use in found.uses
        ),
        *(f"who else uses it is not known of {gap.uri}: {gap.reason}" for gap in found.gaps),
    )


@dataclass(frozen=True)
class _Secret:
    arn: str
    name: str
    pattern: re.Pattern[str]

    @classmethod
    def of(cls, arn: str) -> _Secret:
        """An ARN may be given without the six characters that Secrets Manager appends."""
        partial = re.sub(r"-\w{6}$", "", arn)
        suffix = re.escape(arn.removeprefix(partial))
        text = rf"{re.escape(partial)}(?:{suffix})?(?![\w/+=.@-])"
        return cls(arn, partial.rpartition(":secret:")[2], re.compile(text))

    def used_by(self, thing: _Thing) -> bool:
        return self.name in thing.names or any(map(self.pattern.search, thing.references))


def _services(clients: Clients) -> Iterator[_Thing | Gap]:
    @functools.cache
    def references(definition: str) -> list[str]:
        reply = clients.ecs.describe_task_definition(taskDefinition=definition)
        return [
            text
            for container in reply["taskDefinition"]["containerDefinitions"]
            for text in _references(container)
        ]

    for page in clients.ecs.get_paginator("list_clusters").paginate():
        for cluster in page["clusterArns"]:
            for service in _services_of(clients, cluster):
                names = cluster.rpartition("/")[2], service["serviceName"]
                entry = {"kind": "ecs-service", "cluster": names[0], "service": names[1]}
                yield _Thing(entry, references(service["taskDefinition"]))


def _services_of(clients: Clients, cluster: str) -> Iterator[Any]:
    pages = clients.ecs.get_paginator("list_services").paginate(cluster=cluster)
    arns = [arn for page in pages for arn in page["serviceArns"]]
    for start in range(0, len(arns), _AT_ONCE):
        reply = clients.ecs.describe_services(
            cluster=cluster, services=arns[start : start + _AT_ONCE]
        )
        # A service whose deployments someone else controls has no definition of its own.
        yield from (s for s in reply["services"] if s.get("taskDefinition"))


def _references(container: Any) -> Iterator[str]:
    log = container.get("logConfiguration", {})
    for secret in (*container.get("secrets", ()), *log.get("secretOptions", ())):
        yield secret["valueFrom"]
    if registry := container.get("repositoryCredentials"):
        yield registry["credentialsParameter"]


def _functions(clients: Clients) -> Iterator[_Thing | Gap]:
    for page in clients.lambda_.get_paginator("list_functions").paginate():
        for function in page["Functions"]:
            name, environment = function["FunctionName"], function.get("Environment", {})
            if "Error" in environment:
                yield Gap(f"Lambda function {name}", "its variables cannot be decrypted")
            values = list(environment.get("Variables", {}).values())
            yield _Thing({"kind": "lambda", "function": name}, values, values)


def _proxies(clients: Clients) -> Iterator[_Thing | Gap]:
    for page in clients.rds.get_paginator("describe_db_proxies").paginate():
        for proxy in page["DBProxies"]:
            secrets = [auth["SecretArn"] for auth in proxy.get("Auth", ()) if "SecretArn" in auth]
            yield _Thing({"kind": "rds-proxy", "proxy": proxy["DBProxyName"]}, secrets)


_PLACES: Final[Mapping[str, Callable[[Clients], Iterator[_Thing | Gap]]]] = {
    "ECS services": _services,
    "Lambda functions": _functions,
    "RDS proxies": _proxies,
}
