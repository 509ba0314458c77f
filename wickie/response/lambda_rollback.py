"""A Lambda alias goes back to the newest earlier version whose code is another one."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Final

from wickie.asking import Patience, asking
from wickie.awsjson.errors import refusals
from wickie.errors import ResponseError
from wickie.response.action import Check, Plan
from wickie.response.condemned import Condemned
from wickie.vulnerabilities.build import build_of_code

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

_VERSION: Final = "version"
_WEIGHTS: Final = "weights"
"""Shares of other versions, where traffic is being shifted; a rollback ends that."""
_NONE: Final = "{}"


@dataclass(frozen=True)
class LambdaRollback:
    """Back to an earlier version, by UpdateAlias on the alias's own revision."""

    PERMISSIONS: ClassVar[tuple[str, ...]] = (
        "lambda:GetAlias",
        "lambda:ListVersionsByFunction",
        "lambda:UpdateAlias",
    )

    lambda_: LambdaClient
    function: str
    alias: str
    condemned: Condemned = field(default_factory=Condemned)
    patience: Patience = field(default=Patience(60), repr=False)

    @property
    def name(self) -> str:
        return f"Lambda alias {self.function}:{self.alias}"

    def plan(self) -> Plan | None:
        """See `Action`."""
        with asking(self.name):
            state = _state(self._read())
            versions = self._versions()
        number = state[_VERSION]
        if number not in versions:
            return None  # $LATEST: what is deployed there has no predecessor, nor an age
        current = versions[number]
        since = datetime.fromisoformat(current["LastModified"])
        build = build_of_code(current["CodeSha256"])
        why = self.condemned.reason([build] if build else [], since)
        if why is None:
            return None
        earlier = [
            version
            for version, each in versions.items()
            if int(version) < int(number)
            and each["CodeSha256"] != current["CodeSha256"]
            and build_of_code(each["CodeSha256"]) not in self.condemned.reasons
            and each.get("State") != "Failed"
        ]
        if not earlier:
            raise ResponseError(
                f"{self.name}: {why}; no earlier version is without it: publish one that is fixed"
            )
        target = max(earlier, key=int)
        return Plan(
            target=self.name,
            summary=f"{self.name}: from version {number} to {target}",
            reason=why,
            before=state,
            after={_VERSION: target, _WEIGHTS: _NONE},
        )

    def execute(self, plan: Plan) -> None:
        """See `Action`."""
        if not plan.after[_VERSION].isdigit():
            raise ResponseError(f"{self.name}: {plan.after[_VERSION]} is no version; plan again")
        with asking(self.name):
            alias = self._read()
            now = _state(alias)
            if now == plan.after:
                return
            if now != plan.before:
                raise self._changed()
            try:
                self.lambda_.update_alias(
                    FunctionName=self.function,
                    Name=self.alias,
                    FunctionVersion=plan.after[_VERSION],
                    RoutingConfig={"AdditionalVersionWeights": json.loads(plan.after[_WEIGHTS])},
                    RevisionId=alias["RevisionId"],
                )
            except refusals() as error:
                if error.response["Error"].get("Code") != "PreconditionFailedException":
                    raise
                raise self._changed() from None

    def verify(self, plan: Plan) -> Check:
        """See that the alias stands there. How the old code serves, only its callers can tell."""
        check = self.patience.until(lambda: self._judged(plan))
        return check or Check(False, "the alias is not where it was sent")

    def undo(self, plan: Plan) -> None:
        """See `Action`."""
        self.execute(plan.back)

    def _judged(self, plan: Plan) -> Check | None:
        with asking(self.name):
            if _state(self._read()) != plan.after:
                return None
            version = self._versions().get(plan.after[_VERSION], {})
        if version.get("State") == "Failed":
            why = version.get("StateReason", "")
            return Check(False, f"version {plan.after[_VERSION]} has failed: {why}")
        return Check(True, f"the alias is at version {plan.after[_VERSION]}")

    def _read(self) -> Any:
        return self.lambda_.get_alias(FunctionName=self.function, Name=self.alias)

    def _versions(self) -> dict[str, Any]:
        """Every published version, by its number."""
        pages = self.lambda_.get_paginator("list_versions_by_function").paginate(
            FunctionName=self.function
        )
        found = (each for page in pages for each in page["Versions"])
        return {each["Version"]: each for each in found if each["Version"].isdigit()}

    def _changed(self) -> ResponseError:
        return ResponseError(f"{self.name} was changed since it was planned; plan again")


def _state(alias: Any) -> dict[str, str]:
    weights = (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
    return {_VERSION: alias["FunctionVersion"], _WEIGHTS: json.dumps(weights, sort_keys=True)}
