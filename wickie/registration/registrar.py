"""Brings a Prefect server to what a manifest says: what is so already is left alone."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from wickie.errors import ConfigError, ProviderError, ProviderUnavailableError
from wickie.registration.checks import check
from wickie.registration.comparison import differs
from wickie.registration.manifest import REFERENCE
from wickie.registration.standing import automations_named, standing
from wickie.registration.work_pool import base_job_template, home_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wickie.prefect import PrefectServer
    from wickie.registration.manifest import Manifest
    from wickie.registration.work_pool import WorkPool

CREDENTIALS: Final = "aws-credentials"
"""Slug of the type of block that a push work pool signs in to AWS with."""
_TO_BE_MADE: Final = "(new)"
_ENOUGH: Final = 75.0
"""Seconds in which a call and its repetitions, or a rotation function, ends, and we answer."""


@dataclass(frozen=True)
class Change:
    """Something that is not as the manifest says."""

    what: str
    action: str
    fields: tuple[str, ...] = ()

    def __str__(self) -> str:
        detail = f" ({', '.join(self.fields)})" if self.fields else ""
        return f"{self.action} {self.what}{detail}"


@dataclass
class Registrar:
    """One registration, or with `dry` the plan of one."""

    server: PrefectServer
    dry: bool = False
    remaining: Callable[[], float] = lambda: math.inf
    """Seconds until whoever runs this is stopped."""
    changes: list[Change] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    _ids: dict[str, str] = field(default_factory=dict)

    def register(
        self, manifest: Manifest, pool: WorkPool, key: Mapping[str, str] | None = None
    ) -> list[Change]:
        """
        Create what is not there, correct what differs, and end what earlier manifests named.

        `key` tells a flow where its key is.

        Raises `ConfigError` before anything is sent if the template would not run. It may be
        repeated after any failure.
        """
        more: dict[str, Any] = dict(key or {})
        if manifest.credentials:
            block = {REFERENCE: f"block/{CREDENTIALS}/{manifest.credentials}"}
            more["aws_credentials"] = {"$ref": {"block_document_id": block}}
        template = base_job_template(manifest.base_job_template, pool, more)
        self.warnings = check(template, manifest.deployments)
        self._require_ours(manifest.pool, template)
        if manifest.credentials:
            self._credentials(manifest.credentials, pool)
        if manifest.notified:
            self._find_block(manifest.notified)
        self._work_pool(manifest, self._resolved(template))
        for declared in manifest.deployments:
            self._deployment(declared)
        for automation in manifest.automations:
            self._automation(self._resolved(automation))
        for name, limit in manifest.limits.items():
            self._limit(name, limit)
        self._end_others(manifest)
        return self.changes

    def require_time(self) -> None:
        """Raise `ProviderUnavailableError` if the next thing might not end in time."""
        if self.remaining() < _ENOUGH:
            raise ProviderUnavailableError(
                f"{self.server.name} answers too slowly to register everything; try again"
            )

    def _require_ours(self, pool: str, template: Mapping[str, Any]) -> None:
        """A stage of the same name in another account is another stage."""
        if home := elsewhere(self.server, pool, template):
            raise ConfigError(
                f"work pool {pool} runs flows in {home} already; give this stage another name, or "
                f"delete the work pool in Prefect"
            )

    def _credentials(self, name: str, pool: WorkPool) -> None:
        data = {"region_name": pool.region}
        if pool.pusher_role_arn:
            data["assume_role_arn"] = pool.pusher_role_arn
        path = f"/block_types/slug/{CREDENTIALS}"

        def create(wanted: Mapping[str, Any]) -> Any:
            kind = self._existing(f"block type {CREDENTIALS}", self.server.get(path))
            of_kind = {"block_schemas": {"block_type_id": {"any_": [kind["id"]]}}, "limit": 1}
            (schema,) = self.server.post("/block_schemas/filter", of_kind)
            ids = {"block_type_id": kind["id"], "block_schema_id": schema["id"]}
            return self.server.create("/block_documents/", {"name": name, **wanted, **ids})

        self._ensure(
            f"block/{CREDENTIALS}/{name}",
            lambda: self.server.get(f"{path}/block_documents/name/{name}"),
            {"data": data},
            create,
            # Merged: the key in it is the rotation function's to write.
            lambda found, wanted: self.server.patch(
                f"/block_documents/{found['id']}", {**wanted, "merge_existing_data": True}
            ),
        )

    def _find_block(self, block: str) -> None:
        slug, _, name = block.partition("/")
        path = f"/block_types/slug/{slug}/block_documents/name/{name}"
        found = self._existing(f"block {block}", self.server.get(path))
        self._ids[f"block/{block}"] = found["id"]

    def _work_pool(self, manifest: Manifest, template: Mapping[str, Any]) -> None:
        path = f"/work_pools/{manifest.pool}"
        found = self.server.get(path)
        if found and found["type"] != manifest.pool_type:
            raise ConfigError(
                f"work pool {manifest.pool} is of type {found['type']}, not {manifest.pool_type}; "
                f"delete it in Prefect, then try again"
            )
        # Whether it is paused, and its concurrency limit, are for an operator to say.
        self._ensure(
            f"work pool {manifest.pool}",
            lambda: self.server.get(path),
            {"base_job_template": template, "description": f"wickie, stage {manifest.stage}"},
            lambda wanted: self.server.create(
                "/work_pools/", {"name": manifest.pool, "type": manifest.pool_type, **wanted}
            ),
            lambda _, wanted: self.server.patch(path, wanted),
        )

    def _deployment(self, declared: Mapping[str, Any]) -> None:
        name = f"{declared['flow']}/{declared['name']}"
        wanted = {key: value for key, value in declared.items() if key != "flow"}

        def look() -> Any:
            found = self.server.get(f"/deployments/name/{name}")
            if found and found["work_pool_name"] not in (None, wanted["work_pool_name"]):
                raise ConfigError(
                    f"deployment {name} belongs to work pool {found['work_pool_name']} already; "
                    f"give this stage another name, or delete that one in Prefect"
                )
            return _as_declared(found) if found else None

        def upsert(_: Any, __: Any = None) -> Any:
            flow = self.server.post("/flows/", {"name": declared["flow"]})
            return self.server.post("/deployments/", {**wanted, "flow_id": flow["id"]})

        self._ensure(f"deployment/{name}", look, wanted, upsert, upsert)

    def _automation(self, wanted: Mapping[str, Any]) -> None:
        def look() -> Any:
            return next(iter(automations_named(self.server, wanted["name"])), None)

        def create(_: Any) -> Any:
            self.server.post("/automations/", wanted)
            # Of several made at once the first stays.
            first, *others = automations_named(self.server, wanted["name"])
            for other in others:
                self.server.delete(f"/automations/{other['id']}")
            return first

        self._ensure(
            f"automation {wanted['name']}",
            look,
            wanted,
            create,
            lambda found, _: self.server.put(f"/automations/{found['id']}", wanted),
        )

    def _limit(self, name: str, limit: int) -> None:
        path = f"/v2/concurrency_limits/{name}"
        self._ensure(
            f"concurrency limit {name}",
            lambda: self.server.get(path),
            {"limit": limit},
            lambda wanted: self.server.create("/v2/concurrency_limits/", {"name": name, **wanted}),
            lambda _, wanted: self.server.patch(path, wanted),
        )

    def _end_others(self, manifest: Manifest) -> None:
        """Take away what an earlier manifest named: a deployment would go on by its schedule."""
        for other in standing(self.server, manifest):
            self.require_time()
            if other.id in self._ids.values():
                continue
            if not self.dry:
                self.server.delete(other.path)
            self.changes.append(Change(other.what, "delete"))

    def _ensure(
        self,
        what: str,
        look: Callable[[], Any],
        wanted: Mapping[str, Any],
        create: Callable[[Mapping[str, Any]], Any],
        update: Callable[[Mapping[str, Any], Mapping[str, Any]], Any],
    ) -> None:
        """Create or correct one thing, and remember its id as that of `what`."""
        self.require_time()
        found = look()
        if found is None:
            made = {"id": _TO_BE_MADE} if self.dry else create(wanted)
            if made:
                self._changed(what, made["id"], "create", ())
                return
            found = self._existing(what, look())  # somebody else was faster
        differing = tuple(name for name in wanted if differs(name, found.get(name), wanted[name]))
        if not differing:
            self._ids[what] = found["id"]
            return
        if not self.dry:
            update(found, {name: wanted[name] for name in differing})
        self._changed(what, found["id"], "update", differing)

    def _changed(self, what: str, id_: str, action: str, fields: tuple[str, ...]) -> None:
        self._ids[what] = id_
        self.changes.append(Change(what.replace("/", " ", 1), action, fields))

    def _existing(self, what: str, found: Any) -> Any:
        if found is None:
            raise ProviderError(f"{what} does not exist at {self.server.name}; create it first")
        return found

    def _resolved(self, value: Any) -> Any:
        """Put ids in the place of references."""
        if isinstance(value, dict):
            if REFERENCE in value:
                return f"{value.get('prefix', '')}{self._ids[value[REFERENCE]]}"
            return {name: self._resolved(each) for name, each in value.items()}
        return [self._resolved(each) for each in value] if isinstance(value, list) else value


def elsewhere(server: PrefectServer, pool: str, template: Mapping[str, Any]) -> str | None:
    """The account and region that a work pool of this name runs flows in, if not the template's."""
    found = server.get(f"/work_pools/{pool}")
    home = home_of(found["base_job_template"]) if found else None
    return home if home != home_of(template) else None


def _as_declared(found: Mapping[str, Any]) -> dict[str, Any]:
    """A deployment as the server has it, with its limit where it was sent."""
    limit = (found.get("global_concurrency_limit") or {}).get("limit")
    return {**found, "concurrency_limit": limit}
