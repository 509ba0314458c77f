"""Which kinds of dependents there are, by the name wickie.yaml gives them as `kind`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from wickie.errors import ConfigError
from wickie.rotation.dependents import Declared
from wickie.rotation.dependents.ecs_service import EcsService
from wickie.rotation.dependents.lambda_function import LambdaFunction
from wickie.rotation.dependents.prefect_block import PrefectBlock
from wickie.rotation.dependents.rds_proxy import RdsProxy
from wickie.rotation.dependents.ssm_command import SsmCommand
from wickie.rotation.dependents.webhook import Webhook

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wickie.aws import Clients
    from wickie.rotation.dependents import Dependent, Kind

KINDS: Final[Mapping[str, type[Kind]]] = {
    "ecs-service": EcsService,
    "lambda": LambdaFunction,
    "rds-proxy": RdsProxy,
    "prefect-block": PrefectBlock,
    "ssm-run-command": SsmCommand,
    "webhook": Webhook,
}


def open_dependent(secret: str, entry: Mapping[str, Any], clients: Clients) -> Dependent:
    """Make a dependent of `secret` from its entry in wickie.yaml. Raises `ConfigError`."""
    if entry["kind"] not in KINDS:
        raise ConfigError(f"no kind {entry['kind']!r}; use one of {', '.join(sorted(KINDS))}")
    return KINDS[entry["kind"]].declared(Declared(secret, entry, clients))
