"""The work pool's base job template: what runs where, as whom, logging where."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import MISSING, dataclass, fields
from typing import TYPE_CHECKING, Any, Final

from wickie.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

SUBMIT_PERMISSIONS: Final = (
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcs",
    "ecs:DescribeTaskDefinition",
    "ecs:DescribeTasks",
    "ecs:RegisterTaskDefinition",
    "ecs:RunTask",
    "ecs:StopTask",
    "ecs:TagResource",
    "iam:PassRole",
)
"""What whoever submits runs with this template needs: the worker, or the pusher."""

_CPU: Final = 1024
_MEMORY_MIB: Final = 2048
_STOP_TIMEOUT: Final = 120
"""Seconds, Fargate's most, in which a stopped run ends the rotations that it has begun."""
_SCRATCH: Final = "/tmp"  # noqa: S108  (the container's own)


@dataclass(frozen=True)
class WorkPool:
    """What `cdk deploy` made for flows to run in; the stack publishes it as JSON."""

    pool_name: str
    cluster: str
    execution_role_arn: str
    task_role_arn: str
    image: str
    vpc_id: str
    subnets: tuple[str, ...]
    security_groups: tuple[str, ...]
    log_group: str
    family: str
    region: str
    assign_public_ip: bool = True
    """Without one, a subnet that has no NAT gateway cannot pull the image."""
    pusher_role_arn: str = ""
    """The role that Prefect Cloud's pusher assumes, where it is to assume one."""

    @classmethod
    def parse(cls, text: str) -> WorkPool:
        """Read the published JSON. Raises `ConfigError` naming what it lacks."""
        try:
            document = json.loads(text)
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise ConfigError("the published work pool is not a JSON object; run cdk deploy again")
        required = [f.name for f in fields(cls) if f.default is MISSING]
        if missing := [name for name in required if not document.get(name)]:
            raise ConfigError(
                f"the published work pool lacks {', '.join(missing)}; run cdk deploy again"
            )
        known = {f.name: document[f.name] for f in fields(cls) if f.name in document}
        known |= {name: tuple(known[name]) for name in ("subnets", "security_groups")}
        return cls(**known)


def base_job_template(
    base: Mapping[str, Any], settings: WorkPool, more: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """
    Make prefect-aws's own template for ECS, `base`, this stage's.

    A deployment may override a variable, and a misspelt one is refused. `more` are defaults that
    depend on Prefect: where its key is, and for a push work pool the block to sign in to AWS with,
    without which no run of it can start.
    """
    template: dict[str, Any] = deepcopy(dict(base))
    variables = template["variables"]
    variables["additionalProperties"] = False
    for name, value in {**_defaults(settings), **(more or {})}.items():
        variables["properties"][name]["default"] = value
    if "aws_credentials" in (more or {}):
        variables["required"] = ["aws_credentials"]
    definition = template["job_configuration"]["task_definition"]
    definition["volumes"] = [{"name": "scratch"}]
    definition["taskRoleArn"] = settings.task_role_arn
    definition["containerDefinitions"][0] |= {
        "user": "10001",  # the user that the image makes
        "readonlyRootFilesystem": True,
        "mountPoints": [{"sourceVolume": "scratch", "containerPath": _SCRATCH, "readOnly": False}],
        "environment": [{"name": "HOME", "value": _SCRATCH}],
        "linuxParameters": {"initProcessEnabled": True},  # else SIGTERM may be ignored
        "stopTimeout": _STOP_TIMEOUT,
    }
    return template


def home_of(template: Mapping[str, Any]) -> str | None:
    """The account and region that a template runs flows in; None if it does not say."""
    properties = template.get("variables", {}).get("properties", {})
    role, env = (properties.get(n, {}).get("default") for n in ("task_role_arn", "env"))
    if not role or not env:
        return None
    return f"account {role.split(':')[4]}, {env.get('AWS_DEFAULT_REGION')}"


def _defaults(settings: WorkPool) -> dict[str, Any]:
    return {
        "cluster": settings.cluster,
        "image": settings.image,
        # One family and one log prefix for all flows, or each would register revisions anew.
        "family": settings.family,
        "cloudwatch_logs_prefix": "flows",
        "match_latest_revision_in_family": True,
        "auto_deregister_task_definition": False,
        "container_name": "prefect",  # by this name prefect-aws's observer finds the exit code
        "cpu": _CPU,
        "memory": _MEMORY_MIB,
        "launch_type": "FARGATE",
        "execution_role_arn": settings.execution_role_arn,
        "task_role_arn": settings.task_role_arn,
        "vpc_id": settings.vpc_id,
        # What stands inside awsvpcConfiguration; AWS refuses prefect-aws's nested form.
        "network_configuration": {
            "subnets": list(settings.subnets),
            "securityGroups": list(settings.security_groups),
            "assignPublicIp": "ENABLED" if settings.assign_public_ip else "DISABLED",
        },
        "configure_cloudwatch_logs": True,
        "cloudwatch_logs_options": {
            "awslogs-group": settings.log_group,
            "awslogs-create-group": "false",  # the stack made it; the role may not
        },
        "env": {
            # Else the worker's own is handed down: https://github.com/PrefectHQ/prefect
            # workers/base.py `_base_environment`.
            "PREFECT_HOME": "~/.prefect",
            "PREFECT_FLOW_RUN_EXECUTE_SIGTERM_BEHAVIOR": "reschedule",
            "AWS_DEFAULT_REGION": settings.region,
        },
    }
