"""What of a stage stands at a Prefect server, whether its manifest still names it or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wickie.registration.automations import names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wickie.prefect import PrefectServer
    from wickie.registration.manifest import Manifest


@dataclass(frozen=True)
class Standing:
    """Something that a registration of the stage has made."""

    what: str
    id: str
    path: str


def standing(server: PrefectServer, manifest: Manifest) -> Iterator[Standing]:
    """Automations, then what they start: a deployment goes after whatever names it."""
    for found in automations_named(server, *names(manifest.stage)):
        yield Standing(f"automation {found['name']}", found["id"], f"/automations/{found['id']}")
    declared = {(each["flow"], each["name"]) for each in manifest.deployments}
    of_pool = {"work_pools": {"name": {"any_": [manifest.pool]}}}
    for found in server.post("/deployments/filter", of_pool):
        flow = server.get(f"/flows/{found['flow_id']}")["name"]
        if (flow, found["name"]) in declared or _made_for(manifest, found):
            name = f"deployment {flow}/{found['name']}"
            yield Standing(name, found["id"], f"/deployments/{found['id']}")


def automations_named(server: PrefectServer, *names: str) -> list[dict[str, Any]]:
    """All of these names, the oldest first: names are not unique."""
    found = server.post("/automations/filter", {"automations": {"name": {"any_": list(names)}}})
    return sorted(found, key=lambda each: (each["created"], each["id"]))


def _made_for(manifest: Manifest, found: dict[str, Any]) -> bool:
    """Whether a deployment is one of prefect.yaml's: the work pool may run others' too."""
    tags = {"wickie", f"wickie-{manifest.stage}"}
    return found["name"] == manifest.stage and tags <= set(found["tags"])
