"""Variables, parameters, logs and artifacts of a Prefect server: all of it plain text there."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Final

from wickie.errors import ConfigError, ProviderError, SourceError
from wickie.https import call, place
from wickie.model import Gap
from wickie.scan.sources.reading import artifact_of
from wickie.scan.sources.window import since

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wickie.scan.chunk import Artifact

_HOURS: Final = 24
_PAGE: Final = 100
_LONGEST: Final = 64 << 20
"""Bytes of a page; parameters of one run may be half a megabyte."""
_SECONDS: Final = 60.0
_DENIED: Final = frozenset({401, 403})
_OK: Final = 200
_OPEN: Final = ("SCHEDULED", "PENDING", "RUNNING", "PAUSED", "CANCELLING")


@dataclass(frozen=True)
class PrefectApi:
    """Where Prefect is, and the header by which it knows wickie."""

    url: str
    authorization: str = field(default="", repr=False)
    ca_bundle: str | None = None

    def listed(self, what: str, **asked: Any) -> Iterator[Mapping[str, Any]]:
        """List whatever `what` is filtered to, page by page. `SourceError`."""
        offset = 0
        while page := self._asked(f"/{what}/filter", {**asked, "limit": _PAGE, "offset": offset}):
            yield from page
            offset += len(page)
            if len(page) < _PAGE:
                return

    def _asked(self, path: str, body: Mapping[str, Any]) -> list[dict[str, Any]]:
        headers = {"Content-Type": "application/json"}
        if self.authorization:
            headers["Authorization"] = self.authorization
        try:
            reply = call(
                "POST",
                f"{self.url}{path}",
                headers=headers,
                body=json.dumps(body).encode(),
                ca_bundle=self.ca_bundle,
                seconds=_SECONDS,
                longest=_LONGEST,
            )
        except ProviderError as error:
            raise SourceError(f"cannot read Prefect: {error}") from None
        if reply.status in _DENIED:
            raise SourceError(f"Prefect refuses wickie ({reply.status}); correct PREFECT_API_KEY")
        try:
            if reply.status == _OK:
                return list(json.loads(reply.body))
        except ValueError:
            pass
        # What it answers to a mistake may repeat what it holds, and is never quoted.
        raise SourceError(f"Prefect answered {reply.status} to {path}, or no JSON; read its log")


def open_prefect(options: Mapping[str, Any], api: PrefectApi | None) -> Prefect:
    """Open the Prefect that wickie runs under."""
    if not isinstance(api, PrefectApi):
        raise ConfigError("no Prefect to scan; set PREFECT_API_URL, and run from a checkout")
    return Prefect(api, options.get("hours", _HOURS))


@dataclass(frozen=True)
class Prefect:
    """All variables and deployments, and what runs of the last hours were given and wrote."""

    kind: ClassVar[str] = "prefect"

    api: PrefectApi
    hours: int = _HOURS

    @property
    def uri(self) -> str:
        """See `Source`."""
        return f"prefect:{place(self.api.url)}"

    def artifacts(self) -> Iterator[Artifact | Gap]:
        """See `Source`."""
        for variable in self.api.listed("variables"):
            texts = {variable["name"]: variable["value"]}
            yield self._artifact("variables", variable["name"], variable["updated"], texts)
        for deployment in self.api.listed("deployments"):
            texts = _given(deployment, "parameters", "job_variables", "pull_steps", "description")
            name = f"{deployment['name']}/{deployment['id']}"
            yield self._artifact("deployments", name, deployment["updated"], texts)
        yield from self._runs()
        yield from self._reports()

    def _runs(self) -> Iterator[Artifact | Gap]:
        recent = {
            "operator": "or_",
            "end_time": {"after_": since(self.hours).isoformat()},
            "state": {"type": {"any_": list(_OPEN)}},
        }
        for run in self.api.listed("flow_runs", flow_runs=recent, sort="ID_DESC"):
            texts = _given(run, "parameters", "job_variables", "context")
            yield self._artifact("flow-runs", run["id"], run["updated"], texts)
            if run["state_type"] != "SCHEDULED":
                over = run["updated"] if run["state_type"] not in _OPEN else ""
                uri = f"{self.uri}/flow-runs/{run['id']}/logs"
                logs = partial(self._logs, run["id"], uri)
                # Runs come and go; the flow is what leaks.
                id_ = f"{self.uri}/flows/{run['flow_id']}/logs"
                yield artifact_of(logs, uri, self.kind, artifact=id_, version=over)

    def _logs(self, run: str, uri: str) -> Iterator[tuple[str, str] | Gap]:
        wanted = {"flow_run_id": {"any_": [run]}}
        try:
            for entry in self.api.listed("logs", logs=wanted, sort="TIMESTAMP_ASC"):
                yield entry["timestamp"], entry["message"]
        except SourceError as error:
            yield Gap(uri, str(error))

    def _reports(self) -> Iterator[Artifact | Gap]:
        start = since(self.hours).isoformat()
        for report in self.api.listed("artifacts", sort="UPDATED_DESC"):
            if report["updated"] < start:
                return
            name = f"{report['key'] or 'unnamed'}/{report['id']}"
            texts = _given(report, "data", "description", "metadata_")
            yield self._artifact("artifacts", name, report["updated"], texts)

    def _artifact(self, what: str, name: str, updated: str, texts: Mapping[str, Any]) -> Artifact:
        parts = [(part, f"{part.rpartition('/')[2]}={_text(v)}") for part, v in texts.items()]
        uri = f"{self.uri}/{what}/{name}"
        return artifact_of(lambda: parts, uri, self.kind, version=updated, at_hand=True)


def _given(record: Mapping[str, Any], *fields: str) -> dict[str, Any]:
    """What people put into these fields, each entry of a mapping by itself."""
    texts: dict[str, Any] = {}
    for name in fields:
        value = record.get(name)
        if isinstance(value, dict):
            texts |= {f"{name}/{key}": entry for key, entry in value.items()}
        elif value:
            texts[name] = value
    return texts


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
