"""What of cdk-nag's rules stands of a Prefect server of wickie's own; see `acknowledgements`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wickie.config.network import ECR

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wickie.config import Config

Entry = tuple[str, str, str]
"""A construct's path, the rule, and the reason."""
_NAG: Final = "AwsSolutions::AwsSolutions"
_HERE: Final = "arn:<AWS::Partition>:ecs:<AWS::Region>:<AWS::AccountId>"


def accepted(config: Config) -> Iterator[Entry]:
    """Every finding in the stack of the server, where there is one."""
    if not (config.prefect and config.prefect.server):
        return
    server, stack = config.prefect.server, f"WickiePrefect-{config.stage}"
    yield from _of_the_database(stack)
    if not config.retain:
        yield (
            f"{stack}/Database/Instance",
            f"{_NAG}-RDS10",
            "retain: false in wickie.yaml says that nothing of this stage is to be kept.",
        )
    yield (
        f"{stack}/Auth",
        f"{_NAG}-SMG4",
        (
            "Prefect's server knows one such text at a time: to change it refuses all its clients "
            "until they have started anew, which a person should choose the hour of."
        ),
    )
    for name, image in (("Server", server.image), ("Worker", config.image)):
        yield (
            f"{stack}/{name}/Definition",
            f"{_NAG}-ECS2",
            "What is secret comes from Secrets Manager; these are addresses and switches.",
        )
        if ECR.match(image):
            yield (
                f"{stack}/{name}/ExecutionRole",
                f"{_NAG}-IAM5[Resource::*]",
                "ecr:GetAuthorizationToken names no resource: IAM grants it on * or not at all.",
            )
            yield (
                f"{stack}/{name}/Definition/{name.lower()}",
                "Annotation::@aws-cdk/aws-ecs:ecrImageRequiresPolicy",
                "The execution role is let into exactly this image's repository.",
            )
    if server.exec:
        yield (
            f"{stack}/Server/TaskRole",
            f"{_NAG}-IAM5[Resource::*]",
            "Session Manager's channels name no resource: IAM grants them on * or not at all.",
        )
    yield from _of_the_worker(config, f"{stack}/Worker/TaskRole")


def _of_the_database(stack: str) -> Iterator[Entry]:
    yield (
        f"{stack}/Database/Secret",
        f"{_NAG}-SMG4",
        "wickie rotates it; the schedule is in the rotation stack, beside its function.",
    )
    yield (
        f"{stack}/Database/Instance",
        f"{_NAG}-RDS3",
        (
            "A second instance costs as much again. What is in it are runs and their logs: while "
            "it is down, rotation goes on by its schedules."
        ),
    )
    yield (
        f"{stack}/Database/Instance",
        f"{_NAG}-RDS11",
        "Its security group lets in the server and one function; another port would hide nothing.",
    )


def _of_the_worker(config: Config, role: str) -> Iterator[Entry]:
    cluster = (
        f'{{"Fn::GetStackOutput":{{"StackName":"WickieWorkPool-{config.stage}",'
        f'"Region":{{"Ref":"AWS::Region"}},"OutputName":"PublishOutputRefClusterC688BA94"}}}}'
    )
    reasons = {
        "*": (
            "Looking at subnets, VPCs and task definitions names no resource: IAM grants it on * "
            "or not at all. Nothing here writes."
        ),
        f"{_HERE}:task/{cluster}/*": "Tasks of the cluster of flows, which "
        "it starts and stops; their ids are made by ECS.",
        f"{_HERE}:task-definition/wickie-{config.stage}-flows:*": "Revisions "
        "of the one family that flows run in; ECS numbers them.",
    }
    for resource, reason in reasons.items():
        yield role, f"{_NAG}-IAM5[Resource::{resource}]", reason
