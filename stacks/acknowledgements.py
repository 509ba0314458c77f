"""
Every finding of cdk-nag's AwsSolutions and Serverless that stands, with the reason why it does.

cdk-nag wants each finding named on its own; a test asserts that this table holds exactly what
is found, so an entry that no longer applies fails as well as one that is missing.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

from aws_cdk import Acknowledgment, Validations

from stacks import hosting, permissions, serverless
from stacks.constructs.everything import written
from stacks.constructs.rotation_function import groups
from wickie.config.network import ECR
from wickie.config.rollback import ServiceToRollBack
from wickie.config.targets import S3Target
from wickie.config.vulnerabilities import InspectorFindings
from wickie.scan.cache import PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aws_cdk import App
    from constructs import IConstruct

    from wickie.config import Config

_IAM5: Final = "AwsSolutions::AwsSolutions-IAM5"

_INTERFACES: Final = (
    f"{_IAM5}[Resource::*]",
    (
        "Lambda makes the network interfaces of a function in a VPC, and finds them again, by "
        "actions that IAM grants on * or not at all."
    ),
)


class Accepted(NamedTuple):
    """A rule, the construct that breaks it, and why it may."""

    path: str
    rule: str
    reason: str


def accepted(config: Config) -> list[Accepted]:
    """Everything that is acknowledged in the stacks of `config`."""
    data, network, rotation, work_pool = (
        f"Wickie{name}-{config.stage}" for name in ("Data", "Network", "Rotation", "WorkPool")
    )
    task_role = f"{work_pool}/Flow/TaskRole"
    results = f"{data}:ExportsOutputFnGetAttResultsBucket46167C27ArnE43BA8FC"
    entries = [
        Accepted(
            f"{data}/Results",
            "AwsSolutions::AwsSolutions-S1",
            "Access logs need a second bucket that nobody reads; CloudTrail data events tell who "
            "read a report, and reports hold no plaintext.",
        ),
        Accepted(
            task_role,
            f"{_IAM5}[Resource::{results}/*]",
            "Reports are new objects of wickie's own bucket; their keys hold date and run.",
        ),
        Accepted(
            task_role,
            f"{_IAM5}[Resource::{results}/{PREFIX}*]",
            "What a scan remembers of each target is an object of wickie's own bucket.",
        ),
        Accepted(
            task_role,
            f"{_IAM5}[Resource::{_here('ecs')}:task/<Cluster>/*]",
            "Tasks of wickie's own cluster, which upkeep looks at; their ids are made by ECS.",
        ),
        *(
            Accepted(
                task_role,
                f"{_IAM5}[Resource::arn:<AWS::Partition>:s3:::{bucket}/*]",
                "wickie.yaml has this bucket scanned, so each of its objects is read.",
            )
            for bucket in dict.fromkeys(
                t.bucket for t in config.scan.targets if isinstance(t, S3Target) and not t.account
            )
        ),
    ]
    kinds = _kinds(config)
    discovers = any(secret.discover for secret in config.secrets)
    scanned = {t.kind for t in config.scan.targets} - {"s3"}
    read = written(config, (a for kind in scanned for a in permissions.SOURCES[kind]))
    entries += [
        Accepted(
            task_role,
            f"{_IAM5}[Resource::{arn}]",
            "wickie.yaml has all of this kind scanned: which there are is not known before.",
        )
        for arn in sorted({*read} - {"*"})
        if "*" in arn
    ]
    if (
        discovers
        or "*" in read
        or "ssm-run-command" in kinds
        or _asks_aws_of_vulnerabilities(config)
    ):
        entries.append(
            Accepted(
                task_role,
                f"{_IAM5}[Resource::*]",
                "The scan lists all of what wickie.yaml names a kind of, commands and services: "
                "IAM grants listing on * or not at all. Nothing here writes.",
            )
        )
    entries += [
        Accepted(
            task_role,
            f"{_IAM5}[Resource::{_here('ecs')}:task/{cluster}/*]",
            "wickie.yaml has a service of this cluster rolled back, and its tasks, whose ids are "
            "new each time, are looked at.",
        )
        for cluster in _clusters(config)
    ]
    entries += _to_push(config, work_pool)
    if (
        config.prefect
        and config.prefect.backend == "self-hosted"
        and config.network.holds_functions
    ):
        entries.append(
            Accepted(f"WickieRegistration-{config.stage}/Register/Role", *_INTERFACES),
        )
        if config.events:
            entries.append(Accepted(f"WickieResponse-{config.stage}/Dispatch/Role", *_INTERFACES))
    entries += _to_refresh(config, task_role, f"{rotation}/Refresh/Role", discovers=discovers)
    if config.network.holds_functions:
        entries += [
            Accepted(f"{rotation}/{group.name}/Role", *_INTERFACES) for group in groups(config)
        ]
    if not config.network.vpc_id:
        entries.append(
            Accepted(
                f"{network}/Network/Vpc",
                "AwsSolutions::AwsSolutions-VPC7",
                "Nothing of ours in this network listens, and AWS's endpoints to ours alone. Flow "
                "logs would cost by what flows read.",
            )
        )
    if ECR.match(config.image):
        entries += [
            Accepted(
                f"{work_pool}/Flow/ExecutionRole",
                f"{_IAM5}[Resource::*]",
                "ecr:GetAuthorizationToken names no resource: IAM grants it on * or not at all.",
            ),
            Accepted(
                f"{work_pool}/Flow/Definition/prefect",
                "Annotation::@aws-cdk/aws-ecs:ecrImageRequiresPolicy",
                "The execution role is let into exactly this image's repository, in flow_task.py.",
            ),
        ]
    more = (*serverless.accepted(config), *hosting.accepted(config))
    return [*entries, *(Accepted(*entry) for entry in more)]


def _asks_aws_of_vulnerabilities(config: Config) -> bool:
    """Signing in to ECR, listing Inspector's findings and task definitions name no resource."""
    wanted = config.vulnerabilities
    inspected = any(isinstance(t, InspectorFindings) for t in wanted.targets)
    return bool(wanted.pulled or inspected or _clusters(config))


def _clusters(config: Config) -> list[str]:
    """Those with services that may be rolled back."""
    targets = [policy.target for policy in config.vulnerabilities.rollback]
    return list(dict.fromkeys(t.cluster for t in targets if isinstance(t, ServiceToRollBack)))


def _kinds(config: Config) -> set[str]:
    return {d.kind for secret in config.secrets for d in secret.dependents}


def _to_push(config: Config, work_pool: str) -> Iterator[Accepted]:
    """What starting tasks from Prefect Cloud needs of resources that cannot be named."""
    if not (config.prefect and config.pusher):
        return
    submits = f"{work_pool}/Pusher/{'Role' if config.prefect.assume_role else 'User'}"
    yield Accepted(
        f"{work_pool}/Pusher/Secret",
        "AwsSolutions::AwsSolutions-SMG4",
        "wickie rotates it; the schedule is in the rotation stack, beside its function.",
    )
    reasons = {
        "*": "Looking at subnets, VPCs and task definitions names no resource: IAM grants it on * "
        "or not at all. Nothing here writes.",
        f"{_here('ecs')}:task/<Cluster>/*": "Tasks of wickie's own cluster, which Prefect starts "
        "and stops; their ids are made by ECS.",
        f"{_here('ecs')}:task-definition/wickie-{config.stage}-flows:*": "Revisions of the one "
        "family that flows run in; ECS numbers them.",
    }
    for resource, reason in reasons.items():
        yield Accepted(submits, f"{_IAM5}[Resource::{resource}]", reason)


def _to_refresh(
    config: Config, task_role: str, refresh_role: str, *, discovers: bool
) -> Iterator[Accepted]:
    """What refreshing, and discovery, need of resources that cannot be named."""
    kinds = _kinds(config)
    refreshing = (refresh_role, task_role)
    proxies = refreshing if "rds-proxy" in kinds else (task_role,) if discovers else ()
    for path in proxies:
        for resource in ("db-proxy", "target-group")[: 2 if "rds-proxy" in kinds else 1]:
            yield Accepted(
                path,
                f"{_IAM5}[Resource::{_here('rds')}:{resource}:*]",
                "Describing a proxy, and no more: IAM knows it by an id that RDS gave it, and "
                "wickie.yaml by its name.",
            )
    if any(d.kind == "ssm-run-command" and d.tags for s in config.secrets for d in s.dependents):
        for path in refreshing:
            for service, resource in (("ec2", "instance"), ("ssm", "managed-instance")):
                yield Accepted(
                    path,
                    f"{_IAM5}[Resource::{_here(service)}:{resource}/*]",
                    "A condition narrows it to instances with the tags that wickie.yaml names.",
                )
    if "ssm-run-command" in kinds or (config.network.holds_functions and "webhook" in kinds):
        yield Accepted(
            refresh_role,
            f"{_IAM5}[Resource::*]",
            "Listing commands, and the network interfaces of a function in a VPC, name no "
            "resource: IAM grants it on * or not at all.",
        )
    if discovers:
        yield Accepted(
            task_role,
            f"{_IAM5}[Resource::{_here('ecs')}:service/*]",
            "wickie.yaml has users of a secret discovered, so each service is looked at.",
        )


def _here(service: str) -> str:
    return f"arn:<AWS::Partition>:{service}:<AWS::Region>:<AWS::AccountId>"


def acknowledge(app: App, config: Config) -> None:
    """Tell cdk-nag of every entry of `accepted`."""

    @cache  # each step of a path asks Node
    def find(path: str) -> IConstruct:
        parent, _, name = path.rpartition("/")
        return (find(parent) if parent else app).node.find_child(name)

    for entry in accepted(config):
        Validations.of(find(entry.path)).acknowledge(
            Acknowledgment(id=entry.rule, reason=entry.reason)
        )
