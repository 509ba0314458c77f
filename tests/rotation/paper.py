"""A secret, its rotation function and a dependent on paper: stand-ins for AWS's side."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from tests.patience import BRIEF
from wickie.errors import Error, NotFoundError
from wickie.model import DependentOutcome, DependentState
from wickie.rotation.replacement import ReplacementRequest, replace

ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:shop/db-AbCdEf"
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:rotate-shop"


def refused(operation: str, code: str, message: str) -> ClientError:
    """What boto3 raises when AWS says no."""
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


@dataclass
class Secret:
    """Secrets Manager and the rotation function of one secret with alternating users."""

    labels: dict[str, list[str]] = field(
        default_factory=lambda: {"v1": ["AWSCURRENT"], "v0": ["AWSPREVIOUS"]}
    )
    live: set[str] = field(default_factory=lambda: {"v1", "v0"})
    function: str | None = FUNCTION
    under_way: str | None = None
    """Version of a rotation that ends well at the next look."""
    stuck: bool = False
    abandons: bool = False
    answers: dict[tuple[str, str], Any] = field(default_factory=dict)
    """Verdicts to give, or errors to raise, instead of the truth, by action and version."""
    states: dict[str, str] = field(default_factory=lambda: {"repair": "SOUND", "settle": "KEPT"})
    """What an action that has a state ends in."""
    asked: list[tuple[str, str]] = field(default_factory=list)
    events: list[dict[str, str]] = field(default_factory=list)
    rotations: list[str] = field(default_factory=list)
    name: str = "shop/db"
    tags: dict[str, str] = field(default_factory=dict)
    strategy: str = "alternating-users"

    @property
    def arn(self) -> str:
        return ARN.replace("shop/db", self.name)

    @property
    def secrets_manager(self) -> Secret:
        return self

    lambda_ = secrets_manager

    def describe_secret(self, SecretId: str) -> dict[str, Any]:  # noqa: N803  (AWS's name)
        if SecretId not in (self.arn, self.name):
            raise refused("DescribeSecret", "ResourceNotFoundException", "can't find it")
        reply: dict[str, Any] = {
            "ARN": self.arn,
            "Name": self.name,
            "Tags": [{"Key": key, "Value": value} for key, value in self.tags.items()],
            "VersionIdsToStages": {version: list(names) for version, names in self.labels.items()},
        }
        self._move_on()
        return reply if self.function is None else reply | {"RotationLambdaARN": self.function}

    def _move_on(self) -> None:
        if (version := self.under_way) and self.abandons:
            del self.labels[version]
            self.under_way = None
        elif version and not self.stuck:
            current = next(v for v, names in self.labels.items() if "AWSCURRENT" in names)
            self.labels = {current: ["AWSPREVIOUS"], version: ["AWSCURRENT"]}
            self.live.add(version)
            self.under_way = None

    def rotate_secret(self, SecretId: str, ClientRequestToken: str) -> None:  # noqa: N803
        assert SecretId == self.arn
        if any(names == ["AWSPENDING"] for names in self.labels.values()):
            text = "A previous rotation isn't complete. That rotation will be reattempted."
            raise refused("RotateSecret", "InvalidRequestException", text)
        self.rotations.append(ClientRequestToken)
        self.labels[ClientRequestToken] = ["AWSPENDING"]
        self.under_way = ClientRequestToken

    def invoke(self, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803
        assert FunctionName == self.function
        event = json.loads(Payload)
        action, version = event["Action"], event.get("VersionId", "")
        self.asked.append((action, version))
        self.events.append(event)
        scripted = self.answers.get((action, version))
        if isinstance(scripted, Exception):
            error = {"errorType": type(scripted).__name__, "errorMessage": str(scripted)}
            return {"FunctionError": "Unhandled", "Payload": io.BytesIO(json.dumps(error).encode())}
        if action == "retire":
            self.live.discard(version)
            self.labels.pop(version, None)
        if action == "restore":
            self.labels[version] = ["AWSCURRENT"]
        verdict = scripted or ("LIVE" if version in self.live else "DEAD")
        answer = {"verdict": verdict, "strategy": self.strategy, "detail": "as scripted"}
        answer["state"] = self.states.get(action, "")
        return {"Payload": io.BytesIO(json.dumps(answer).encode())}


@dataclass
class Shop:
    """A dependent that writes down the versions it was started with, and whether v1 was live."""

    secret: Secret
    name: str = "ECS service main/shop"
    well: bool = True
    exists: bool = True
    amiss: Error | None = None
    seen: list[tuple[str, bool]] = field(default_factory=list)

    def check(self) -> None:
        if self.amiss:
            raise self.amiss
        if not self.exists:
            raise NotFoundError(f"{self.name} does not exist; correct dependents in wickie.yaml")

    def refresh(self, version: str) -> DependentOutcome:
        self.seen.append((version, "v1" in self.secret.live))
        state = DependentState.REFRESHED if self.well else DependentState.UNHEALTHY
        return DependentOutcome(self.name, state)


class Shelf:
    """Several secrets on paper, in place of every client."""

    def __init__(self, *names: str) -> None:
        self.secrets = {name: Secret(name=name) for name in names}

    @property
    def secrets_manager(self) -> Shelf:
        return self

    lambda_ = secrets_manager

    def _of(self, secret: str) -> Secret:
        found = next((s for s in self.secrets.values() if secret in (s.name, s.arn)), None)
        if found is None:
            raise refused("DescribeSecret", "ResourceNotFoundException", "can't find it")
        return found

    def describe_secret(self, SecretId: str) -> dict[str, Any]:  # noqa: N803  (AWS's name)
        return self._of(SecretId).describe_secret(SecretId)

    def rotate_secret(self, SecretId: str, ClientRequestToken: str) -> None:  # noqa: N803
        self._of(SecretId).rotate_secret(SecretId, ClientRequestToken)

    def invoke(self, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803
        return self._of(json.loads(Payload)["SecretId"]).invoke(FunctionName, Payload)


class SharedService:
    """A service of several secrets, that tells when two would start it anew at once."""

    name = "ECS service main/shared"

    def __init__(self, mark: str, starts: list[dict[str, str]], *, well: bool = True) -> None:
        self.mark, self.starts, self.well = mark, starts, well

    def check(self) -> None:
        """Nothing ails it."""

    def refresh(self, version: str) -> DependentOutcome:
        return self.refresh_for({self.mark: version})

    def refresh_for(self, versions: Mapping[str, str]) -> DependentOutcome:
        self.starts.append(dict(versions))
        state = DependentState.REFRESHED if self.well else DependentState.UNHEALTHY
        return DependentOutcome(self.name, state)


def carry_out(secret: Secret, /, **request: Any) -> Any:
    return replace(
        ReplacementRequest(
            **{"secret": "shop/db", "patience": BRIEF, "patience_with_providers": BRIEF} | request
        ),
        secret,
    )
