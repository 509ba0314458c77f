"""
The Prefect work pool that flows run in on Fargate: `python -m flows.work_pool --stage demo`.

It is made from what `cdk deploy` published; `prefect deploy --all` then registers the flows.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any, Final

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
from prefect.exceptions import ObjectAlreadyExists
from prefect_aws.workers.ecs_worker import ECSWorker

from flows.work_pool_checks import validate
from wickie.aws import Clients
from wickie.deployment import Deployment
from wickie.errors import ConfigError, Error
from wickie.registration.work_pool import WorkPool, base_job_template

_TYPE: Final = "ecs"


def template_of(settings: WorkPool) -> dict[str, Any]:
    """Make the base job template of the prefect-aws that is installed this stage's."""
    return base_job_template(ECSWorker.get_default_base_job_template(), settings)


def register(settings: WorkPool) -> None:
    """Create the work pool in Prefect, or bring its template up to date and leave the rest."""
    name, template = settings.pool_name, template_of(settings)
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
