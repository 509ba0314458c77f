"""Cloud Map: an ECS service's task is found by a name while it runs, on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from moto.servicediscovery.models import servicediscovery_backends

if TYPE_CHECKING:
    from local.world import World

_HERE: Final = "127.0.0.1"


def announce(world: World, service: Any, *, running: bool) -> None:
    """Have the names of an ECS `service` lead to its task, or to nothing."""
    for registry in getattr(service, "service_registries", None) or ():
        file = world.scratch / "names" / _name(registry["registryArn"])
        if not running:
            file.unlink(missing_ok=True)
        elif not file.exists():
            file.parent.mkdir(exist_ok=True)
            file.write_text(_HERE)


def _name(arn: str) -> str:
    region, account, resource = arn.split(":")[3:6]
    backend = servicediscovery_backends[account][region]
    service = backend.get_service(resource.partition("/")[2])
    return f"{service.name}.{backend.get_namespace(service.namespace_id).name}"
