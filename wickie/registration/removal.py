"""Takes a stage away from a Prefect server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wickie.registration.registrar import CREDENTIALS, elsewhere
from wickie.registration.standing import standing
from wickie.registration.work_pool import base_job_template

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wickie.prefect import PrefectServer
    from wickie.registration.manifest import Manifest
    from wickie.registration.work_pool import WorkPool


def unregister(server: PrefectServer, manifest: Manifest, pool: WorkPool) -> list[str]:
    """
    Take away what `register` made, and say what. Runs and their logs stay.

    The work pool stays too while it has deployments of others. Of a stage of the same name in
    another account nothing is taken.
    """
    if elsewhere(server, manifest.pool, base_job_template(manifest.base_job_template, pool)):
        return []
    gone = []
    for each in list(standing(server, manifest)):
        server.delete(each.path)
        gone.append(each.what)
    ours = {"work_pools": {"name": {"any_": [manifest.pool]}}, "limit": 1}
    if not server.post("/deployments/filter", ours) and server.get(f"/work_pools/{manifest.pool}"):
        server.delete(f"/work_pools/{manifest.pool}")
        gone.append(f"work pool {manifest.pool}")
    return [*gone, *_beside_the_pool(server, manifest)]


def _beside_the_pool(server: PrefectServer, manifest: Manifest) -> Iterator[str]:
    for name in manifest.limits:
        path = f"/v2/concurrency_limits/{name}"
        if server.get(path):
            server.delete(path)
            yield f"concurrency limit {name}"
    if manifest.credentials:
        path = f"/block_types/slug/{CREDENTIALS}/block_documents/name/{manifest.credentials}"
        if found := server.get(path):
            server.delete(f"/block_documents/{found['id']}")
            yield f"block {CREDENTIALS}/{manifest.credentials}"
