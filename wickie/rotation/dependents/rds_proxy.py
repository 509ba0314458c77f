"""
An RDS Proxy that signs in to a database with the secret.

The proxy reads the secret anew by itself. What can go wrong is that it does not list the secret,
or cannot reach its targets; so that is what is looked at.

https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy-secrets-arns.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

from wickie.asking import Patience, asking
from wickie.errors import DependentError, NotFoundError
from wickie.model import DependentOutcome, DependentState

if TYPE_CHECKING:
    from wickie.rotation.dependents import Declared

_NO_HEALTH: Final = "TRACKED_CLUSTER"
"""The type of a target that only stands for its members, which are targets too."""


@dataclass(frozen=True)
class RdsProxy:
    """Well when it lists the secret and every one of its targets is AVAILABLE."""

    PERMISSIONS: ClassVar[tuple[str, ...]] = (
        "rds:DescribeDBProxies",
        "rds:DescribeDBProxyTargets",
        "secretsmanager:DescribeSecret",
    )
    OPTIONS: ClassVar[tuple[str, ...]] = ("proxy", "other_user")
    EXCLUSIVE: ClassVar[bool] = False

    entry: Declared = field(repr=False)
    proxy: str
    other_user: str | None = None
    """Secret of the user whose turn it is not, where two take turns (see docs/dependents.md)."""
    patience: Patience = field(default=Patience(300), repr=False)

    @classmethod
    def declared(cls, entry: Declared) -> Self:
        """See `Kind`."""
        return cls(entry, entry.options["proxy"], entry.options.get("other_user"))

    @property
    def name(self) -> str:
        return f"RDS proxy {self.proxy}"

    def check(self) -> None:
        """Raise `NotFoundError` if there is no such proxy, and `DependentError` if it is amiss."""
        listed = {auth.get("SecretArn", "") for auth in self._proxy().get("Auth", ())}
        own = self.entry.describe().arn
        for wanted in filter(None, (own, self.other_user)):
            if not any(_is(wanted, arn) for arn in listed):
                raise DependentError(
                    f"{self.name} does not list secret {wanted}, so it lets its user in no more; "
                    f"add it to the proxy's authentication"
                )

    def refresh(self, version: str) -> DependentOutcome:  # noqa: ARG002  (it reads AWSCURRENT itself)
        """Change nothing: wait until the proxy, and all that it stands before, is available."""
        self.check()
        ill = ""

        def well() -> bool | None:
            nonlocal ill
            ill = self._ill()
            return None if ill else True

        if self.patience.until(well):
            return DependentOutcome(self.name, DependentState.REFRESHED, self._caution())
        detail = f"{ill} after {self.patience.seconds:.0f} s"
        return DependentOutcome(self.name, DependentState.UNHEALTHY, detail)

    def _caution(self) -> str:
        if not self.other_user:
            return ""
        return f"lets in both users, the other by {self.other_user}, which has to be kept valid"

    def _ill(self) -> str:
        """What is not available, or nothing."""
        status = self._proxy()["Status"]
        if status != "available":
            return f"it is {status}"
        with asking(self.name):
            pages = self.entry.clients.rds.get_paginator("describe_db_proxy_targets").paginate(
                DBProxyName=self.proxy
            )
            targets = [target for page in pages for target in page["Targets"]]
        targets = [target for target in targets if target.get("Type") != _NO_HEALTH]
        if not targets:
            return "it has no target"
        return "; ".join(filter(None, map(_state, targets)))

    def _proxy(self) -> Any:
        with asking(self.name):
            reply = self.entry.clients.rds.describe_db_proxies(DBProxyName=self.proxy)
        if not reply["DBProxies"]:
            raise NotFoundError(f"{self.name} does not exist; correct dependents in wickie.yaml")
        return reply["DBProxies"][0]


def _is(secret: str, arn: str) -> bool:
    """Whether `secret`, a name or an ARN, is the secret of this ARN."""
    return secret == arn or arn.rpartition(":secret:")[2] == secret or _unsuffixed(arn) == secret


def _unsuffixed(arn: str) -> str:
    return re.sub(r"-\w{6}$", "", arn.rpartition(":secret:")[2])


def _state(target: Any) -> str:
    health = target.get("TargetHealth", {})
    if health.get("State") == "AVAILABLE":
        return ""
    name = target.get("RdsResourceId") or target.get("Endpoint", "a target")
    why = " ".join(filter(None, (health.get("Reason"), health.get("Description"))))
    return f"{name} is {health.get('State', 'unknown')}" + f" ({why})" * bool(why)
