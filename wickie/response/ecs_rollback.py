"""An ECS service goes back to the newest earlier task definition whose image is another one."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar, Final

from wickie.asking import Patience, asking
from wickie.errors import NotFoundError, ResponseError
from wickie.response.action import Check, Plan
from wickie.response.condemned import Condemned
from wickie.vulnerabilities.build import build_of_image

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_ecs.type_defs import ServiceTypeDef, TaskTypeDef

PASS_PERMISSIONS: Final = ("iam:PassRole",)
"""On the roles of its task definitions, where AWS wants whoever deploys them to pass these."""

# The fewest failed tasks at which ECS's own deployment circuit breaker gives up.
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html
_FAILED_TASKS: Final = 3
_LOOKED_AT: Final = 50
"""Earlier revisions; each takes a call."""
_TASKS: Final = 100  # DescribeTasks takes no more
_DEFINITION: Final = "task definition"


@dataclass(frozen=True)
class EcsRollback:
    """
    Back to an earlier revision of the family, by UpdateService.

    ECS updates no service conditionally, so the state is compared in the moment before. Its
    circuit breaker is left as it is set: where that goes back by itself, the rollback has failed.
    """

    PERMISSIONS: ClassVar[tuple[str, ...]] = (
        "ecs:DescribeServices",
        "ecs:DescribeTaskDefinition",
        "ecs:DescribeTasks",
        "ecs:ListTaskDefinitions",
        "ecs:ListTasks",
        "ecs:UpdateService",
    )

    ecs: ECSClient
    cluster: str
    service: str
    condemned: Condemned = field(default_factory=Condemned)
    patience: Patience = field(default=Patience(900), repr=False)

    @property
    def name(self) -> str:
        return f"ECS service {self.cluster}/{self.service}"

    def plan(self) -> Plan | None:
        """See `Action`. The age is that of the revision: deployments are also made for secrets."""
        with asking(self.name):
            service = self._service()
            current = self._definition(service["taskDefinition"])
            builds = self._builds(current)
            bad = {image for image, build in builds.items() if build in self.condemned.reasons}
            why = self.condemned.reason(builds.values(), current["registeredAt"])
            if why is None:
                return None
            controller = service.get("deploymentController", {}).get("type", "ECS")
            if controller != "ECS":
                raise ResponseError(f"{self.name}: {why}; {controller} deploys it: roll back there")
            earlier = self._earlier(current, bad)
        if earlier is None:
            raise ResponseError(
                f"{self.name}: {why}; none of its earlier task definitions is without it: deploy "
                f"an image that is fixed"
            )
        before, after = current["taskDefinitionArn"], earlier["taskDefinitionArn"]
        was, becomes = (", ".join(_references(each)) for each in (current, earlier))
        return Plan(
            target=self.name,
            summary=f"{self.name}: from {_short(before)} ({was}) to {_short(after)} ({becomes})",
            reason=why,
            before={_DEFINITION: before},
            after={_DEFINITION: after},
        )

    def execute(self, plan: Plan) -> None:
        """See `Action`."""
        before, after = plan.before[_DEFINITION], plan.after[_DEFINITION]
        # Whoever hands in a plan may send the service to its own revisions, and no further.
        if before.rpartition(":")[0] != after.rpartition(":")[0]:
            raise ResponseError(f"{self.name}: {_short(after)} is of another family; plan again")
        with asking(self.name):
            now = self._service()["taskDefinition"]
            if now == after:
                return
            if now != before:
                raise ResponseError(
                    f"{self.name} has {_short(now)} since, and not {_short(before)}; plan again"
                )
            self.ecs.update_service(
                cluster=self.cluster, service=self.service, taskDefinition=after
            )

    def verify(self, plan: Plan) -> Check:
        """Wait for ECS to call the deployment complete, with tasks of that definition alone."""
        check = self.patience.until(lambda: self._judged(plan))
        return check or Check(False, f"not steady after {self.patience.seconds:.0f} s")

    def undo(self, plan: Plan) -> None:
        """See `Action`."""
        self.execute(plan.back)

    def _judged(self, plan: Plan) -> Check | None:
        wanted = plan.after[_DEFINITION]
        with asking(self.name):
            deployments = self._service()["deployments"]
            primary = next(d for d in deployments if d["status"] == "PRIMARY")
            ours = next((d for d in deployments if d["taskDefinition"] == wanted), None)
            failed = ours.get("failedTasks", 0) if ours else 0
            if ours and (ours.get("rolloutState") == "FAILED" or failed >= _FAILED_TASKS):
                why = ours.get("rolloutStateReason", "")
                return Check(False, f"{failed} tasks of {_short(wanted)} failed. {why}".strip())
            now = primary["taskDefinition"]
            if now not in (wanted, plan.before[_DEFINITION]):
                return Check(False, f"{_short(now)} was deployed meanwhile")
            if now != wanted or primary.get("rolloutState") != "COMPLETED":
                return None  # not begun, under way, or ECS has gone back without a word
            running = [t["taskDefinitionArn"] for t in self._tasks()]
        if any(arn != wanted for arn in running):
            return None
        return Check(True, f"{len(running)} tasks run {_short(wanted)}")

    def _service(self) -> ServiceTypeDef:
        reply = self.ecs.describe_services(cluster=self.cluster, services=[self.service])
        if not reply["services"] or reply["services"][0].get("status") != "ACTIVE":
            raise NotFoundError(f"{self.name} does not exist; correct rollback in wickie.yaml")
        return reply["services"][0]

    def _tasks(self) -> list[TaskTypeDef]:
        """Up to a hundred of the tasks that are meant to run."""
        listed = self.ecs.list_tasks(
            cluster=self.cluster, serviceName=self.service, maxResults=_TASKS
        )["taskArns"]
        if not listed:
            return []
        return self.ecs.describe_tasks(cluster=self.cluster, tasks=listed)["tasks"]

    def _definition(self, arn: str) -> Any:
        return self.ecs.describe_task_definition(taskDefinition=arn)["taskDefinition"]

    def _builds(self, definition: Any) -> dict[str, str]:
        """The build of each image: by its reference, or by what a task of it is seen to run."""
        builds = {ref: build_of_image(ref) for ref in _references(definition)}
        if None in builds.values():
            arn = definition["taskDefinitionArn"]
            for task in self._tasks():
                for container in task.get("containers", ()):
                    if task["taskDefinitionArn"] == arn and container.get("imageDigest"):
                        builds[container.get("image", "")] = container["imageDigest"]
        return {ref: build for ref, build in builds.items() if build}

    def _earlier(self, current: Any, bad: AbstractSet[str]) -> Any | None:
        """The newest before it with none of the bad images, nor another that is known to be bad."""
        for revision in islice(self._revisions(current), _LOOKED_AT):
            references = _references(revision)
            builds = {build_of_image(reference) for reference in references}
            if bad.isdisjoint(references) and builds.isdisjoint(self.condemned.reasons):
                return revision
        return None

    def _revisions(self, current: Any) -> Iterator[Any]:
        pages = self.ecs.get_paginator("list_task_definitions").paginate(
            familyPrefix=current["family"], status="ACTIVE", sort="DESC"
        )
        for page in pages:
            for arn in page["taskDefinitionArns"]:
                if int(arn.rpartition(":")[2]) < current["revision"]:
                    yield self._definition(arn)


def _references(definition: Any) -> list[str]:
    return [container["image"] for container in definition["containerDefinitions"]]


def _short(arn: str) -> str:
    return arn.rpartition("/")[2]
