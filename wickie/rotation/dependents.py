"""What uses a secret and must be told of its new value: ECS services and Lambda functions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Final, Protocol

from wickie.errors import DependentError, NotFoundError
from wickie.model import DependentOutcome, DependentState
from wickie.rotation.asking import Patience, asking

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_ecs.type_defs import ServiceTypeDef
    from mypy_boto3_lambda import LambdaClient

    from wickie.aws import Clients

# The fewest failed tasks at which ECS's own deployment circuit breaker gives up.
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html
_FAILED_TASKS: Final = 3
_MARK: Final = "WICKIE_SECRET_VERSION"
_TAG: Final = "wickie:secret-version"


class Dependent(Protocol):
    """Something that reads a secret when it starts, and so must start anew."""

    @property
    def name(self) -> str:
        """How a person knows it."""

    def check(self) -> None:
        """Raise `NotFoundError` if it does not exist; change nothing."""

    def refresh(self, version: str) -> DependentOutcome:
        """Start it anew with the secret's `version`, once, and wait until it is well or is not."""


@dataclass(frozen=True)
class EcsService:
    """An ECS service; its tasks read the secret when they start."""

    PERMISSIONS: ClassVar = ("ecs:DescribeServices", "ecs:TagResource", "ecs:UpdateService")

    ecs: ECSClient
    cluster: str
    service: str
    patience: Patience = field(default=Patience(600), repr=False)

    @property
    def name(self) -> str:
        return f"ECS service {self.cluster}/{self.service}"

    def check(self) -> None:
        """Raise `NotFoundError` if the service does not exist or is not active."""
        self._service()

    def refresh(self, version: str) -> DependentOutcome:
        """
        Force a new deployment, unless one was for this version, and wait for it to be steady.

        The service is tagged with the version, because the rotation's own event and a leak
        response may both come here; the second only waits.
        """
        service = self._service()
        if {"key": _TAG, "value": version} not in service.get("tags", []):
            self._start(service["serviceArn"], version)
        outcome = self.patience.until(self._outcome)
        return outcome or self._unhealthy(f"not steady after {self.patience.seconds:.0f} s")

    def _start(self, arn: str, version: str) -> None:
        with asking(self.name):
            self.ecs.update_service(
                cluster=self.cluster, service=self.service, forceNewDeployment=True
            )
            self.ecs.tag_resource(resourceArn=arn, tags=[{"key": _TAG, "value": version}])

    def _outcome(self) -> DependentOutcome | None:
        """Judge the deployment in force: it is ours, or began later and so has the value too."""
        deployments = self._service()["deployments"]
        found = next(d for d in deployments if d["status"] == "PRIMARY")
        state, reason = found.get("rolloutState"), found.get("rolloutStateReason", "")
        if state == "COMPLETED":
            return DependentOutcome(self.name, DependentState.REFRESHED, reason)
        failed = max(d.get("failedTasks", 0) for d in deployments)
        if failed >= _FAILED_TASKS or any(d.get("rolloutState") == "FAILED" for d in deployments):
            return self._unhealthy(f"{failed} of its new tasks failed. {reason}".strip())
        return None

    def _service(self) -> ServiceTypeDef:
        with asking(self.name):
            reply = self.ecs.describe_services(
                cluster=self.cluster, services=[self.service], include=["TAGS"]
            )
        if not reply["services"] or reply["services"][0].get("status") != "ACTIVE":
            raise NotFoundError(f"{self.name} does not exist; correct dependents in wickie.yaml")
        return reply["services"][0]

    def _unhealthy(self, detail: str) -> DependentOutcome:
        return DependentOutcome(self.name, DependentState.UNHEALTHY, detail)


@dataclass(frozen=True)
class LambdaFunction:
    """A Lambda function that reads the secret when one of its environments starts."""

    PERMISSIONS: ClassVar = (
        "lambda:GetFunctionConfiguration",
        "lambda:UpdateFunctionConfiguration",
    )

    lambda_: LambdaClient
    function: str
    patience: Patience = field(default=Patience(120), repr=False)

    @property
    def name(self) -> str:
        return f"Lambda function {self.function}"

    def check(self) -> None:
        """Raise `NotFoundError` if the function does not exist."""
        with asking(self.name):
            self.lambda_.get_function_configuration(FunctionName=self.function)

    def refresh(self, version: str) -> DependentOutcome:
        """
        Change one variable, which retires every environment that is warm.

        UpdateFunctionConfiguration replaces all variables, so the others are sent along, and
        only if no one has changed the function in between (RevisionId).
        """
        with asking(self.name):
            now = self.lambda_.get_function_configuration(FunctionName=self.function)
            if "Error" in now.get("Environment", {}):
                raise DependentError(
                    f"{self.name}: its variables cannot be read; allow kms:Decrypt on their key"
                )
            variables = now.get("Environment", {}).get("Variables", {})
            if variables.get(_MARK) != version:
                self.lambda_.update_function_configuration(
                    FunctionName=self.function,
                    Environment={"Variables": {**variables, _MARK: version}},
                    RevisionId=now["RevisionId"],
                )
        outcome = self.patience.until(self._outcome)
        return outcome or DependentOutcome(
            self.name,
            DependentState.UNHEALTHY,
            f"still updating after {self.patience.seconds:.0f} s",
        )

    def _outcome(self) -> DependentOutcome | None:
        with asking(self.name):
            now = self.lambda_.get_function_configuration(FunctionName=self.function)
        if now.get("LastUpdateStatus", "Successful") == "Successful":
            return DependentOutcome(self.name, DependentState.REFRESHED)
        if now["LastUpdateStatus"] == "Failed":
            reason = now.get("LastUpdateStatusReason", "its update failed")
            return DependentOutcome(self.name, DependentState.UNHEALTHY, reason)
        return None


_KINDS: Final[Mapping[str, Callable[[Clients, Mapping[str, str]], Dependent]]] = {
    "ecs-service": lambda clients, options: EcsService(
        clients.ecs, options["cluster"], options["service"]
    ),
    "lambda": lambda clients, options: LambdaFunction(clients.lambda_, options["function"]),
}


def open_dependent(kind: str, options: Mapping[str, str], clients: Clients) -> Dependent:
    """Make the dependent that wickie.yaml describes."""
    return _KINDS[kind](clients, options)
