"""An ECS service: its tasks read the secret when they start."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Final, Self

from wickie.asking import Patience, asking
from wickie.errors import NotFoundError
from wickie.model import DependentOutcome, DependentState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_ecs.type_defs import ServiceTypeDef, TagTypeDef

    from wickie.rotation.dependents import Declared

# The fewest failed tasks at which ECS's own deployment circuit breaker gives up.
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html
_FAILED_TASKS: Final = 3
_TAG: Final = "wickie:secret-version:"


@dataclass(frozen=True)
class EcsService:
    """Started anew by a forced deployment."""

    PERMISSIONS: ClassVar[tuple[str, ...]] = (
        "ecs:DescribeServices",
        "ecs:TagResource",
        "ecs:UpdateService",
    )
    OPTIONS: ClassVar[tuple[str, ...]] = ("cluster", "service")
    EXCLUSIVE: ClassVar[bool] = True

    ecs: ECSClient
    cluster: str
    service: str
    mark: str
    patience: Patience = field(default=Patience(600), repr=False)

    @classmethod
    def declared(cls, entry: Declared) -> Self:
        """See `Kind`."""
        return cls(
            entry.clients.ecs, entry.options["cluster"], entry.options["service"], entry.mark
        )

    @property
    def name(self) -> str:
        return f"ECS service {self.cluster}/{self.service}"

    def check(self) -> None:
        """Raise `NotFoundError` if the service does not exist or is not active."""
        self._service()

    def refresh(self, version: str) -> DependentOutcome:
        """See `Dependent`."""
        return self.refresh_for({self.mark: version})

    def refresh_for(self, versions: Mapping[str, str]) -> DependentOutcome:
        """
        Force a new deployment, unless one was for these versions, and wait for it to be steady.

        The service is tagged with them, because the rotation's own event and a leak response may
        both come here; the second only waits.
        """
        service = self._service()
        wanted: list[TagTypeDef] = [
            {"key": _TAG + mark, "value": version} for mark, version in sorted(versions.items())
        ]
        if any(tag not in service.get("tags", []) for tag in wanted):
            with asking(self.name):
                self.ecs.update_service(
                    cluster=self.cluster, service=self.service, forceNewDeployment=True
                )
                self.ecs.tag_resource(resourceArn=service["serviceArn"], tags=wanted)
        outcome = self.patience.until(self._outcome)
        return outcome or self._unhealthy(f"not steady after {self.patience.seconds:.0f} s")

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
