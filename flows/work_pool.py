"""
The Prefect work pool that flows run in on Fargate: `python -m flows.work_pool --stage demo`.

It is made from what `cdk deploy` published; `prefect deploy --all` then registers the flows.
"""

from __future__ import annotations

import argparse
import json
import sys
from copy import deepcopy
from dataclasses import MISSING, dataclass, fields
from typing import Any, Final

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
from prefect.exceptions import ObjectAlreadyExists
from prefect_aws.workers.ecs_worker import ECSWorker

from flows.work_pool_checks import validate
from wickie.aws import Clients
from wickie.deployment import Deployment
from wickie.errors import ConfigError, Error

_TYPE: Final = "ecs"
_CPU: Final = 1024
_MEMORY_MIB: Final = 2048
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


def base_job_template(settings: WorkPool) -> dict[str, Any]:
    """
    Make prefect-aws's own template for ECS this stage's: what runs where, as whom, logging where.

    A deployment may override a variable, and a misspelt one is refused.
    """
    template = deepcopy(ECSWorker.get_default_base_job_template())
    variables = template["variables"]
    variables["additionalProperties"] = False
    for name, value in _defaults(settings).items():
        variables["properties"][name]["default"] = value
    definition = template["job_configuration"]["task_definition"]
    definition["volumes"] = [{"name": "scratch"}]
    definition["taskRoleArn"] = settings.task_role_arn
    definition["containerDefinitions"][0] |= {
        "user": "10001",  # the user that the image makes
        "readonlyRootFilesystem": True,
        "mountPoints": [{"sourceVolume": "scratch", "containerPath": _SCRATCH, "readOnly": False}],
        "environment": [{"name": "HOME", "value": _SCRATCH}],
        "linuxParameters": {"initProcessEnabled": True},  # else SIGTERM may be ignored
    }
    return template


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


def register(settings: WorkPool) -> None:
    """Create the work pool in Prefect, or bring its template up to date and leave the rest."""
    name, template = settings.pool_name, base_job_template(settings)
    validate(template)
    with get_client(sync_client=True) as client:
        try:
            client.create_work_pool(
                WorkPoolCreate(name=name, type=_TYPE, base_job_template=template)
            )
        except ObjectAlreadyExists:
            if (found := client.read_work_pool(name).type) != _TYPE:
                raise ConfigError(
                    f"work pool {name} is of type {found}, not {_TYPE}; delete it in Prefect "
                    f"and run this again"
                ) from None
            client.update_work_pool(name, WorkPoolUpdate(base_job_template=template))


def main() -> None:
    """Register the work pool of one stage with the Prefect server that is configured."""
    parser = argparse.ArgumentParser(prog="python -m flows.work_pool", description=__doc__)
    parser.add_argument("--stage", required=True, help="stage of wickie.yaml, as deployed")
    stage = parser.parse_args().stage
    try:
        settings = WorkPool.parse(Deployment.load(Clients().ssm, stage).work_pool)
        register(settings)
    except Error as error:
        sys.exit(f"error: {error}")
    sys.stdout.write(f"work pool {settings.pool_name} registered\n")


if __name__ == "__main__":
    main()
